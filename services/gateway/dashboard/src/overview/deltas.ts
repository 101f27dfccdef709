/** When two periods may be compared, and what to say. */

export type Delta =
  | { kind: "change"; fraction: number; direction: "up" | "down" | "flat" }
  | { kind: "too-few" }
  | { kind: "nothing-before" }
  | { kind: "no-earlier-data" };

export const FEWEST_ORDERS = 30;

type Figures = { value: number; orders: number };

/** Below 30 orders on either side a percentage says more about chance than about the shop. */
export function compare(current: Figures, previous: Figures | null): Delta {
  if (previous === null) return { kind: "no-earlier-data" };
  // A full period that sold nothing is an answer; a share of nothing is not.
  if (previous.value === 0) return { kind: "nothing-before" };
  if (current.orders < FEWEST_ORDERS || previous.orders < FEWEST_ORDERS) return { kind: "too-few" };
  const fraction = (current.value - previous.value) / previous.value;
  // What would be shown as 0.0 % has no direction.
  const direction = Math.abs(fraction) < 0.0005 ? "flat" : fraction > 0 ? "up" : "down";
  return { kind: "change", fraction, direction };
}
