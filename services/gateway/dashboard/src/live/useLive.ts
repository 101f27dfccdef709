/** Keeps the cache current while a signed-in page is open. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import type { Summary } from "../api/client";
import { keys, tenantQuery } from "../api/queries";
import { SECTIONS_REFRESH_MS, applyPull, applySummary, atMostEvery, isNewer } from "./apply";
import { LiveConnection, type LiveState } from "./connection";

const CHECK_MS = 30_000;
const CHECK_WITHOUT_STREAM_MS = 10_000;
const PROGRESS_MS = 2_000;
const SILENT_MS = 10_000;

export function useLive(): LiveState {
  const queryClient = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  const connection = useRef<LiveConnection>(null);

  useEffect(() => {
    const sections = atMostEvery(SECTIONS_REFRESH_MS, () => {
      void queryClient.invalidateQueries({ queryKey: keys.orders });
      void queryClient.invalidateQueries({ queryKey: keys.topCustomers });
    });
    let opened = false;
    connection.current = new LiveConnection({
      onState: (next) => {
        setState(next);
        // A stream cannot say why it was refused; a plain answer can, and a lost session shows at once.
        if (next === "delayed") {
          void queryClient.invalidateQueries({ queryKey: keys.tenant }, { cancelRefetch: false });
        }
      },
      // What happened while the stream was closed is not sent again: ask.
      onOpen: () => {
        const askAgain = { cancelRefetch: false };
        void queryClient.invalidateQueries({ queryKey: keys.summary }, askAgain);
        if (opened) {
          void queryClient.invalidateQueries({ queryKey: keys.tenant }, askAgain);
          sections.call();
        }
        opened = true;
      },
      onEvent: (type, data) => {
        if (type === "pull") applyPull(queryClient, data);
        else if (applySummary(queryClient, data)) sections.call();
      },
    });
    const stop = connection.current.start();
    return () => {
      stop();
      sections.stop();
    };
  }, [queryClient]);

  useCheck(state, connection);
  return state;
}

/** The heartbeat: the tenant's data version, asked for over plain HTTP, shows when the stream fell behind. */
function useCheck(state: LiveState, connection: React.RefObject<LiveConnection | null>): void {
  const queryClient = useQueryClient();
  const tenant = useQuery({
    ...tenantQuery,
    refetchInterval: ({ state: { data } }) => {
      if (data?.pull?.state === "running" || data?.pull?.state === "queued") return PROGRESS_MS;
      return state === "live" ? CHECK_MS : CHECK_WITHOUT_STREAM_MS;
    },
  });
  const version = tenant.data?.freshness.dataVersion;
  const checkedAt = tenant.dataUpdatedAt;

  useEffect(() => {
    const shown = queryClient.getQueryData<Summary>(keys.summary)?.freshness.dataVersion;
    if (version === undefined || shown === undefined || !isNewer(version, shown)) return;
    void queryClient.invalidateQueries({ queryKey: keys.summary });
    if (state === "live") connection.current?.reopenIfSilentFor(SILENT_MS);
    else {
      void queryClient.invalidateQueries({ queryKey: keys.orders });
      void queryClient.invalidateQueries({ queryKey: keys.topCustomers });
    }
  }, [version, checkedAt, state, connection, queryClient]);
}
