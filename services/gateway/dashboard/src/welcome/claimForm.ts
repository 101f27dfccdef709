/** Rules for the owner's user name and password, told before the server has to. */

import { passwordProblem } from "../ui/passwordRules";

export const SHORTEST_NAME = 3;
export const LONGEST_NAME = 64;

export type ClaimValues = { username: string; password: string; confirmation: string };
export type ClaimProblems = Partial<Record<keyof ClaimValues, string>>;

export function claimProblems({ username, password, confirmation }: ClaimValues): ClaimProblems {
  const problems: ClaimProblems = {};
  const letters = [...username.trim()].length;
  if (letters === 0) problems.username = "Choose a user name.";
  else if (letters < SHORTEST_NAME || letters > LONGEST_NAME) {
    problems.username = `Use ${SHORTEST_NAME} to ${LONGEST_NAME} characters.`;
  }

  const problem = passwordProblem(password);
  if (problem) {
    problems.password = problem;
  } else if (confirmation !== password) {
    problems.confirmation = "The two passwords differ.";
  }
  return problems;
}
