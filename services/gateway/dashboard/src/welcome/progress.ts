/** How far the first pull is, and how long it may still take. */

import type { PullStatus } from "../api/client";

export type Sample = { at: number; done: number };

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

const SETTLED_MS = 6_000;

/** Seconds left at the pace seen so far; null until the pace can be trusted. */
export function secondsLeft(samples: readonly Sample[], total: number): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.at - first.at < SETTLED_MS || last.done <= first.done) return null;
  const perSecond = (last.done - first.done) / ((last.at - first.at) / 1000);
  return Math.max(0, (total - last.done) / perSecond);
}

export function inWords(seconds: number): string {
  if (seconds < 45) return "less than a minute left";
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `about ${minutes} min left`;
  return `about ${Math.round(minutes / 60)} hours left`;
}
