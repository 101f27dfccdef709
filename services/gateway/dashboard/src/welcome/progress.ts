/** How far the first pull is, and how long it may still take. */

import type { PullStatus } from "../api/client";
import { formatCount } from "../format/numbers";

type Entity = PullStatus["entities"][number];

/** 0 to 1; null while the number to expect is not known. */
export function share({ state, done, expected }: Pick<Entity, "state" | "done" | "expected">): number | null {
  if (state === "done") return 1;
  if (expected === null || expected === undefined) return null;
  if (expected === 0) return 1;
  return Math.min(1, done / expected);
}

/** Over all entities, weighed by their size; null until every size is known. */
export function overallShare(entities: readonly Entity[]): number | null {
  let done = 0;
  let expected = 0;
  for (const entity of entities) {
    if (entity.expected === null || entity.expected === undefined) return null;
    done += Math.min(entity.done, entity.expected);
    expected += entity.expected;
  }
  return expected === 0 ? null : done / expected;
}

export function inWords(seconds: number): string {
  if (seconds < 45) return "less than a minute left";
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `about ${minutes === 1 ? "1 minute" : `${minutes} minutes`} left`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `about ${hours} hours left` : `about ${Math.round(hours / 24)} days left`;
}

/** Below one a second, per minute: "0 a second" would say that nothing moves. */
export function paceInWords(perSecond: number): string {
  if (perSecond >= 1) return `${formatCount(Math.round(perSecond))} a second`;
  return `${formatCount(Math.max(1, Math.round(perSecond * 60)))} a minute`;
}

const PHASES: Record<Entity["state"], string> = {
  waiting: "Waiting",
  exporting: "Shopify is preparing the data",
  importing: "Importing",
  done: "Done",
  failed: "Failed",
};

/** What happens to one entity right now. */
export function phaseOf(entity: Entity): string {
  const { state, done, expected, recordsPerSecond } = entity;
  if (state === "exporting" && done > 0) return "Shopify is preparing the data again";
  if (state !== "importing") return PHASES[state];
  if (expected !== null && expected !== undefined && done >= expected) {
    return "Comparing the count with Shopify's";
  }
  return recordsPerSecond ? `Importing, ${paceInWords(recordsPerSecond)}` : PHASES.importing;
}

/** One sentence for the whole import: what it does now. */
export function phaseOfAll(entities: readonly Entity[]): string {
  const importing = entities.find(({ state }) => state === "importing");
  if (importing) return `Importing ${importing.entity}`;
  if (entities.some(({ state }) => state === "exporting")) return "Shopify is preparing the data";
  if (entities.every(({ state }) => state === "done" || state === "failed")) return "Finishing";
  return "Getting ready";
}
