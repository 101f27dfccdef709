/** Days put together for drawing. Sums stay exact; a bucket cut by the range's ends says so. */

import { type Day, addDays, daysBetween, endOfMonth, startOfMonth, startOfWeek } from "../format/dates";
import { sumDecimals } from "../format/decimal";

export type Granularity = "day" | "week" | "month";

export type DayFigures = { date: Day; orderCount: number; revenue: string };

export type Bucket = {
  from: Day;
  to: Day;
  orderCount: number;
  revenue: string;
  /** Not all of the week or month lies in the range, or its last day is not over. */
  partial: boolean;
};

export function granularityFor(days: number): Granularity {
  if (days <= 92) return "day";
  return days <= 400 ? "week" : "month";
}

function fullBucket(day: Day, granularity: Granularity): { from: Day; to: Day } {
  if (granularity === "day") return { from: day, to: day };
  if (granularity === "month") return { from: startOfMonth(day), to: endOfMonth(day) };
  const from = startOfWeek(day);
  return { from, to: addDays(from, 6) };
}

export function groupDays(
  days: readonly DayFigures[],
  granularity: Granularity,
  today: Day | null = null,
): Bucket[] {
  const groups = new Map<Day, DayFigures[]>();
  for (const day of days) {
    const { from } = fullBucket(day.date, granularity);
    const group = groups.get(from);
    if (group) group.push(day);
    else groups.set(from, [day]);
  }
  return [...groups].map(([start, members]) => bucketOf(start, members, granularity, today));
}

function bucketOf(
  start: Day,
  members: readonly DayFigures[],
  granularity: Granularity,
  today: Day | null,
): Bucket {
  const full = fullBucket(start, granularity);
  const from = members[0]?.date ?? full.from;
  const to = members.at(-1)?.date ?? full.to;
  return {
    from,
    to,
    orderCount: members.reduce((total, day) => total + day.orderCount, 0),
    revenue: sumDecimals(members.map((day) => day.revenue)),
    partial: daysBetween(from, to) < daysBetween(full.from, full.to) || to === today,
  };
}
