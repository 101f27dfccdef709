/** What an entry of the audit log means, in a sentence. */

import type { AuditEntry } from "../api/recovery";
import { formatDay, dayInZone, formatMinute } from "../format/dates";

type Words = (entry: AuditEntry) => string;

const someone = (username: string | null) => username ?? "A user";

const WORDS = new Map<string, Words>(
  Object.entries({
    claim_redeemed: ({ username }) => `${someone(username)} became the owner.`,
    account_recovered: ({ username }) =>
      `The store owner recovered the account ${username ?? "of the owner"} through Shopify.`,
    ownership_taken_over: ({ username, formerOwner }) =>
      `${someone(username)} took over ownership${formerOwner ? ` from ${formerOwner}` : ""}, confirmed by Shopify.`,
    shop_connected: () => "The shop was connected.",
    shop_reconnected: () => "The shop was connected again.",
  } satisfies Record<string, Words>),
);

/** A name that this page does not know yet is shown as it is. */
export function inWords(entry: AuditEntry): string {
  const words = WORDS.get(entry.action);
  if (words) return words(entry);
  const name = entry.action.replaceAll("_", " ");
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}${entry.username ? ` by ${entry.username}` : ""}.`;
}

export function dayOf({ at }: AuditEntry, zone: string | null): string {
  return formatDay(dayInZone(new Date(at), zone ?? "UTC"));
}

export function minuteOf({ at }: AuditEntry, zone: string | null): string {
  const instant = new Date(at);
  return formatMinute(instant, zone, instant);
}
