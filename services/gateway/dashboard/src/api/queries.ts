/** The cache: one key per answer, and who may ask again when. */

import {
  QueryCache,
  QueryClient,
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
} from "@tanstack/react-query";

import { readSessions } from "./account";
import {
  type OrdersRange,
  readClaim,
  readCurrentTenant,
  readOrdersByDay,
  readSession,
  readSummary,
  readTopCustomers,
} from "./client";
import { ApiError } from "./errors";
import { ENTRIES_A_PAGE, readAuditLog, readNotices, readRecovery } from "./recovery";
import { type PullRecord, readDataRequests, readIngestionStatus, readPulls } from "./settings";

export const keys = {
  session: ["session"] as const,
  claim: ["claim"] as const,
  tenant: ["tenant"] as const,
  summary: ["summary"] as const,
  topCustomers: ["top-customers"] as const,
  orders: ["orders"] as const,
  ingestion: ["ingestion"] as const,
  pulls: ["pulls"] as const,
  dataRequests: ["data-requests"] as const,
  recovery: ["recovery"] as const,
  notices: ["notices"] as const,
  auditLog: ["audit-log"] as const,
  ownSessions: ["own-sessions"] as const,
};

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: ({ signal }) => readSession(signal),
  staleTime: 60_000,
});

export const claimQuery = queryOptions({
  queryKey: keys.claim,
  queryFn: ({ signal }) => readClaim(signal),
  staleTime: Number.POSITIVE_INFINITY,
});

export const tenantQuery = queryOptions({
  queryKey: keys.tenant,
  queryFn: ({ signal }) => readCurrentTenant(signal),
});

export const summaryQuery = queryOptions({
  queryKey: keys.summary,
  queryFn: ({ signal }) => readSummary(signal),
});

export const topCustomersQuery = queryOptions({
  queryKey: keys.topCustomers,
  queryFn: ({ signal }) => readTopCustomers(signal),
});

const WHILE_PULLING_MS = 5_000;
const OTHERWISE_MS = 60_000;

export function isOpen({ state }: PullRecord): boolean {
  return state === "queued" || state === "running";
}

export const pullsQuery = queryOptions({
  queryKey: keys.pulls,
  queryFn: ({ signal }) => readPulls(signal),
  refetchInterval: ({ state: { data } }) => (data?.some(isOpen) ? WHILE_PULLING_MS : OTHERWISE_MS),
});

export const ingestionQuery = queryOptions({
  queryKey: keys.ingestion,
  queryFn: ({ signal }) => readIngestionStatus(signal),
  refetchInterval: OTHERWISE_MS,
});

export const dataRequestsQuery = queryOptions({
  queryKey: keys.dataRequests,
  queryFn: ({ signal }) => readDataRequests(signal),
});

export const recoveryQuery = queryOptions({
  queryKey: keys.recovery,
  queryFn: ({ signal }) => readRecovery(signal),
  // A confirmation lives for minutes: each visit asks whether it still does.
  staleTime: 0,
});

export const noticesQuery = queryOptions({
  queryKey: keys.notices,
  queryFn: ({ signal }) => readNotices(signal),
  refetchInterval: OTHERWISE_MS,
});

export const auditLogQuery = infiniteQueryOptions({
  queryKey: keys.auditLog,
  queryFn: ({ pageParam, signal }) => readAuditLog(pageParam, signal),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => (last.length < ENTRIES_A_PAGE ? undefined : last.at(-1)?.at),
});

export const ownSessionsQuery = queryOptions({
  queryKey: keys.ownSessions,
  queryFn: ({ signal }) => readSessions(signal),
  staleTime: 0,
});

export function ordersQuery(range: OrdersRange) {
  return queryOptions({
    queryKey: [...keys.orders, range.from ?? null, range.to ?? null],
    queryFn: ({ signal }) => readOrdersByDay(range, signal),
    placeholderData: keepPreviousData,
  });
}

export function createQueryClient(): QueryClient {
  const queryClient: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        // The shell watches the session and leaves for the login page when it is gone.
        if (error instanceof ApiError && error.status === 401) {
          queryClient.setQueryData(keys.session, null);
        }
      },
    }),
    defaultOptions: {
      queries: {
        // Live events say when to ask again; focus and mounting need not.
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) => failures < 2 && error instanceof ApiError && error.retryable,
        retryDelay: (failures) => 400 * 2 ** failures,
        networkMode: "always",
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
  return queryClient;
}
