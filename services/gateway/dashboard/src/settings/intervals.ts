/** How often a shop may be read, in words. */

import { formatCount } from "../format/numbers";

const OFFERED = [5, 15, 30, 60, 180, 360, 720, 1440];

/** What is offered, and what is set: a value of someone else's choice is not changed by looking at it. */
export function intervalsWith(minutes: number): number[] {
  return [...new Set([...OFFERED, minutes])].sort((one, other) => one - other);
}

export function intervalInWords(minutes: number): string {
  if (minutes === 1440) return "Once a day";
  if (minutes === 60) return "Every hour";
  if (minutes % 60 === 0) return `Every ${formatCount(minutes / 60)} hours`;
  return minutes === 1 ? "Every minute" : `Every ${formatCount(minutes)} minutes`;
}
