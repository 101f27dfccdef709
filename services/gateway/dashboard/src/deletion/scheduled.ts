/** A deletion that is on its way: kept for this tab across the load of a new page, and told in words. */

export type ScheduledDeletion = { shopDomain: string; dueAt: string };

const KEY = "scheduled-deletion";

export function rememberDeletion(deletion: ScheduledDeletion): void {
  sessionStorage.setItem(KEY, JSON.stringify(deletion));
}

/** Null where no deletion was asked for in this tab. */
export function recallDeletion(): ScheduledDeletion | null {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return isDeletion(found) ? found : null;
  } catch {
    return null;
  }
}

function isDeletion(found: unknown): found is ScheduledDeletion {
  if (typeof found !== "object" || found === null) return false;
  const { shopDomain, dueAt } = found as Record<string, unknown>;
  return typeof shopDomain === "string" && typeof dueAt === "string" && !Number.isNaN(Date.parse(dueAt));
}

/** "December 1, 2026 at 14:05 GMT+1", by the clock of whoever reads it: the shop is out of reach. */
export function deadlineInWords(dueAt: string): string {
  return new Intl.DateTimeFormat("en-US", {
    year: "numeric",
    month: "long",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  }).format(new Date(dueAt));
}
