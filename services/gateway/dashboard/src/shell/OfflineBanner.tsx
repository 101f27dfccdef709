/** While nothing new can arrive: why, and of what time the figures on screen are. Goes by itself. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { tenantQuery } from "../api/queries";
import { formatMinute } from "../format/dates";
import type { LiveState } from "../live/connection";
import { Warning } from "../ui/icons";
import { shownState } from "./Freshness";

export function OfflineBanner({ live, what }: { live: LiveState; what: "Figures" | "Progress" }) {
  const { data, error, dataUpdatedAt } = useQuery(tenantQuery);
  const online = useOnline();
  const offline = shownState(live, data, error !== null) === "offline";
  return (
    <div role="status">
      {offline && (
        <p
          className="figures flex items-center justify-center gap-2 border-b border-warn/30 bg-warn-soft px-4 py-2 text-sm text-ink"
          data-testid="offline-banner"
        >
          <Warning className="size-4 shrink-0 text-warn" />
          <span>
            {online ? "Tillstream cannot be reached. We keep trying." : "You are offline."}
            {dataUpdatedAt > 0 &&
              ` ${what} of ${formatMinute(new Date(dataUpdatedAt), data?.zone ?? null)}.`}
          </span>
        </p>
      )}
    </div>
  );
}

function useOnline(): boolean {
  const [online, setOnline] = useState(() => navigator.onLine !== false);
  useEffect(() => {
    const follow = () => setOnline(navigator.onLine !== false);
    window.addEventListener("online", follow);
    window.addEventListener("offline", follow);
    return () => {
      window.removeEventListener("online", follow);
      window.removeEventListener("offline", follow);
    };
  }, []);
  return online;
}
