/** Rules for a new password that need no server. Which ones are too common, the server says. */

export const SHORTEST_PASSWORD = 8;
export const LONGEST_PASSWORD = 256;
export const PASSWORD_HINT = "At least 8 characters. A few unrelated words are easy to remember and hard to guess.";

export function passwordProblem(password: string): string | undefined {
  const characters = [...password].length;
  if (characters < SHORTEST_PASSWORD) return `Use at least ${SHORTEST_PASSWORD} characters.`;
  if (characters > LONGEST_PASSWORD) return `Use at most ${LONGEST_PASSWORD} characters.`;
  return undefined;
}
