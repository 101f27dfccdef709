/** Live events into the cache. A summary replaces the cached one only when it is newer. */

import type { QueryClient } from "@tanstack/react-query";

import type { CurrentTenant, PullStatus, Summary } from "../api/client";
import { keys } from "../api/queries";

export const SECTIONS_REFRESH_MS = 10_000;

export function isNewer(version: string, than: string | undefined): boolean {
  if (than === undefined) return true;
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return version !== than;
  return BigInt(version) > BigInt(than);
}

function isSummary(data: unknown): data is Summary {
  return typeof data === "object" && data !== null && "totalRevenue" in data && "freshness" in data;
}

function isPull(data: unknown): data is PullStatus {
  return typeof data === "object" && data !== null && "state" in data && "entities" in data;
}

/** True when the event changed the figures, so that other sections are due for a refresh. */
export function applySummary(queryClient: QueryClient, data: unknown): boolean {
  if (!isSummary(data)) return false;
  const known = queryClient.getQueryData<Summary>(keys.summary);
  const newer = isNewer(data.freshness.dataVersion, known?.freshness.dataVersion);
  const finished = known?.partial === true && !data.partial;
  if (!newer && !finished) return false;
  queryClient.setQueryData(keys.summary, data);
  queryClient.setQueryData<CurrentTenant>(keys.tenant, (tenant) =>
    tenant && { ...tenant, freshness: data.freshness },
  );
  return true;
}

export function applyPull(queryClient: QueryClient, data: unknown): void {
  if (!isPull(data)) return;
  const known = queryClient.getQueryData<CurrentTenant>(keys.tenant);
  if (!known) return;
  queryClient.setQueryData<CurrentTenant>(keys.tenant, { ...known, pull: data });
  const ended = known.pull?.state !== data.state && data.state !== "running";
  if (!ended) return;
  // Shop facts and the "partial" mark may have changed with the end of the pull.
  void queryClient.invalidateQueries({ queryKey: keys.tenant });
  void queryClient.invalidateQueries({ queryKey: keys.summary });
}

/** Runs `work` at once, then at most every `interval`, and never loses the last call. */
export function atMostEvery(interval: number, work: () => void): { call: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = Number.NEGATIVE_INFINITY;
  const run = () => {
    timer = undefined;
    last = Date.now();
    work();
  };
  return {
    call: () => {
      if (timer !== undefined) return;
      const wait = last + interval - Date.now();
      if (wait <= 0) run();
      else timer = setTimeout(run, wait);
    },
    stop: () => clearTimeout(timer),
  };
}
