/** The range of the sales section: what the URL says, turned into days of the shop. */

import { type Day, addDays, addMonths, daysBetween, isDay } from "../format/dates";

export const PRESETS = ["30d", "90d", "12m", "all"] as const;
export type Preset = (typeof PRESETS)[number];

export type OverviewSearch = { range?: Preset; from?: Day; to?: Day };

export type Choice =
  | { kind: "preset"; preset: Preset }
  | { kind: "custom"; from?: Day; to?: Day };

/** What the API is asked. Open ends mean the first and last day with orders. */
export type ResolvedRange = { from?: Day; to?: Day };

export const DEFAULT_PRESET: Preset = "30d";

function asDay(value: unknown): Day | undefined {
  return typeof value === "string" && isDay(value) ? value : undefined;
}

/** Reads the URL; what cannot be read is dropped, so that a bad link still opens the page. */
export function parseSearch(search: Record<string, unknown>): OverviewSearch {
  const from = asDay(search.from);
  const to = asDay(search.to);
  if (from || to) return { ...(from && { from }), ...(to && { to }) };
  const range = PRESETS.find((preset) => preset === search.range);
  return range && range !== DEFAULT_PRESET ? { range } : {};
}

export function choiceOf(search: OverviewSearch): Choice {
  if (search.from || search.to) return { kind: "custom", from: search.from, to: search.to };
  return { kind: "preset", preset: search.range ?? DEFAULT_PRESET };
}

/**
 * Presets end on the last day that has orders, so that a quiet shop does not open on nothing; on
 * today at the latest, as an order may be dated ahead.
 */
export function resolve(
  choice: Choice,
  lastOrderDate: Day | null,
  today: Day | null = null,
): ResolvedRange | null {
  if (choice.kind === "custom") return { from: choice.from, to: choice.to };
  if (lastOrderDate === null) return null;
  const last = today !== null && today < lastOrderDate ? today : lastOrderDate;
  switch (choice.preset) {
    case "30d":
      return { from: addDays(last, -29), to: last };
    case "90d":
      return { from: addDays(last, -89), to: last };
    case "12m":
      return { from: addDays(addMonths(last, -12), 1), to: last };
    case "all":
      return {};
  }
}

export function isBackwards(range: ResolvedRange): boolean {
  return range.from !== undefined && range.to !== undefined && range.from > range.to;
}

/** The days just before, as many of them. Null when the shop's history does not reach back that far. */
export function previousRange(
  range: ResolvedRange,
  firstOrderDate: Day | null,
): { from: Day; to: Day } | null {
  if (!range.from || !range.to || isBackwards(range) || firstOrderDate === null) return null;
  const length = daysBetween(range.from, range.to);
  const from = addDays(range.from, -length);
  return from < firstOrderDate ? null : { from, to: addDays(range.from, -1) };
}
