/** Can the figures be trusted right now? In words, with the time of the last change in the shop's zone. */

import { useQuery } from "@tanstack/react-query";

import type { CurrentTenant } from "../api/client";
import { tenantQuery } from "../api/queries";
import { formatInstant, formatZone } from "../format/dates";
import type { LiveState } from "../live/connection";

const WORDS: Record<LiveState, { word: string; dot: string }> = {
  connecting: { word: "Connecting", dot: "bg-control" },
  live: { word: "Live", dot: "bg-good" },
  delayed: { word: "Delayed", dot: "bg-warn" },
  offline: { word: "Offline", dot: "bg-bad" },
};

export function shownState(live: LiveState, tenant: CurrentTenant | undefined, unreachable: boolean): LiveState {
  if (live === "offline" || (live !== "live" && unreachable)) return "offline";
  if (tenant && tenant.status !== "active") return "delayed";
  return live;
}

export function Freshness({ live }: { live: LiveState }) {
  const { data, error } = useQuery(tenantQuery);
  const state = shownState(live, data, error !== null);
  const { word, dot } = WORDS[state];
  const changedAt = data?.freshness.changedAt;
  const zone = data?.zone ?? null;
  return (
    <p
      className="figures inline-flex items-center gap-2 text-sm whitespace-nowrap text-ink-2"
      data-state={state}
      data-testid="freshness"
      role="status"
      title={zone ? `Times in ${formatZone(zone)}` : undefined}
    >
      <span aria-hidden="true" className={`size-2 rounded-full ${dot}`} />
      {changedAt ? `${word}, updated ${formatInstant(changedAt, zone)}` : word}
    </p>
  );
}
