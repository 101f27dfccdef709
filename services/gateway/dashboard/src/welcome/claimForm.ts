/** Rules for the owner's user name and password, told before the server has to. */

export const SHORTEST_NAME = 3;
export const LONGEST_NAME = 64;
export const SHORTEST_PASSWORD = 8;
/** bcrypt reads 72 bytes and no more. */
export const LONGEST_PASSWORD_BYTES = 72;

export type ClaimValues = { username: string; password: string; confirmation: string };
export type ClaimProblems = Partial<Record<keyof ClaimValues, string>>;

export function claimProblems({ username, password, confirmation }: ClaimValues): ClaimProblems {
  const problems: ClaimProblems = {};
  const letters = [...username.trim()].length;
  if (letters === 0) problems.username = "Choose a user name.";
  else if (letters < SHORTEST_NAME || letters > LONGEST_NAME) {
    problems.username = `Use ${SHORTEST_NAME} to ${LONGEST_NAME} characters.`;
  }

  const bytes = new TextEncoder().encode(password).length;
  if ([...password].length < SHORTEST_PASSWORD) {
    problems.password = `Use at least ${SHORTEST_PASSWORD} characters.`;
  } else if (bytes > LONGEST_PASSWORD_BYTES) {
    problems.password =
      `This password is ${bytes} bytes long; at most ${LONGEST_PASSWORD_BYTES} can be used. ` +
      "Letters with accents and symbols count as two to four bytes.";
  } else if (confirmation !== password) {
    problems.confirmation = "The two passwords differ.";
  }
  return problems;
}
