/** Rules for a new password that need no server. Which ones are too common, the server says. */

export const MIN_PASSWORD_CHARACTERS = 8;
export const MAX_PASSWORD_CHARACTERS = 256;
export const PASSWORD_HINT = "At least 8 characters. A few unrelated words are easy to remember and hard to guess.";

export function passwordProblem(password: string): string | undefined {
  const characters = [...password].length;
  if (characters < MIN_PASSWORD_CHARACTERS) return `Use at least ${MIN_PASSWORD_CHARACTERS} characters.`;
  if (characters > MAX_PASSWORD_CHARACTERS) return `Use at most ${MAX_PASSWORD_CHARACTERS} characters.`;
  return undefined;
}
