/** The names of buckets on axes, in the read-out and in the table. */

import { formatDay, formatDayRange } from "../format/dates";
import { formatCount, formatMoney } from "../format/numbers";
import type { Bucket, Granularity } from "./grouping";

export function axisLabel(bucket: Bucket, granularity: Granularity): string {
  return formatDay(bucket.from, granularity === "month" ? "month" : "short");
}

export function bucketName(bucket: Bucket, granularity: Granularity): string {
  if (granularity === "day") return formatDay(bucket.from, "weekday");
  if (granularity === "month" && !bucket.partial) return formatDay(bucket.from, "month");
  return formatDayRange(bucket.from, bucket.to);
}

/** One bucket as a sentence, for those who listen. */
export function spoken(bucket: Bucket, granularity: Granularity, currency: string | null): string {
  const note = partialNote(bucket, granularity);
  const name = bucketName(bucket, granularity) + (note && ` (${note})`);
  return `${name}: ${formatMoney(bucket.revenue, currency)}, ${countedOrders(bucket.orderCount)}`;
}

export function countedOrders(count: number): string {
  return `${formatCount(count)} ${count === 1 ? "order" : "orders"}`;
}

export function partialNote(bucket: Bucket, granularity: Granularity): string {
  if (!bucket.partial) return "";
  return granularity === "day" ? "so far" : `part of the ${granularity}`;
}
