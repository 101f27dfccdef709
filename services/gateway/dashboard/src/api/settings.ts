/** The routes behind the settings page: the tenant's own settings, its pulls, and their proof. */

import createClient from "openapi-fetch";

import { type CurrentTenant, ORIGIN, unwrap, withDeadline } from "./client";

export type TenantSettings = {
  /** Null before the first pull was planned. */
  pullIntervalMinutes: number | null;
  includeTestOrders: boolean;
  paused: boolean;
};

export type PullRecord = {
  id: string;
  kind: "backfill" | "incremental" | "reconciliation";
  /** What it reads, where that is known. */
  scope?: "all" | "changes" | "range";
  state: "queued" | "running" | "succeeded" | "failed" | "mismatch";
  requestedAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  recordsProcessed: number;
  errors: { code: string; message: string }[];
};

export type ProvenEntity = {
  entity: string;
  ours: number;
  shopify: number;
  drift: number;
  repaired: number;
};

export type Proof = { checkedAt: string; entities: ProvenEntity[] };

export type IngestionStatus = { proof: Proof | null; lastPull: PullRecord | null };

/** What a customer asked to see, by way of Shopify. `bytes` is null once the file is gone. */
export type DataRequest = {
  id: string;
  customerId: string;
  requestedAt: string;
  expiresAt: string;
  bytes: number | null;
};

export type PullRange = { from?: string; to?: string };

type Gives<T> = { responses: { 200: { content: { "application/json": T } } } };
type Takes<T> = { requestBody: { content: { "application/json": T } } };

type SettingsPaths = {
  "/api/tenants/current": {
    get: Gives<CurrentTenant>;
    patch: Gives<CurrentTenant> & Takes<Partial<TenantSettings>>;
    delete: Gives<unknown> & Takes<{ confirm: string }>;
  };
  "/api/tenants/current/disconnect": { post: Gives<unknown> };
  "/api/tenants/current/data-requests": { get: Gives<{ dataRequests: DataRequest[] }> };
  "/api/ingestion/status": { get: Gives<IngestionStatus> };
  "/api/ingestion/pulls": {
    get: Gives<{ pulls: PullRecord[] }> & { parameters: { query: { limit: number } } };
    post: Gives<{ id: string }> & Takes<PullRange>;
  };
};

const client = createClient<SettingsPaths>({
  baseUrl: ORIGIN,
  credentials: "same-origin",
  fetch: (request) => globalThis.fetch(request),
});

const PULLS_SHOWN = 20;

export function changeSettings(body: Partial<TenantSettings>): Promise<CurrentTenant> {
  return unwrap(client.PATCH("/api/tenants/current", { body, signal: withDeadline() }));
}

export async function disconnectShop(): Promise<void> {
  await unwrap(client.POST("/api/tenants/current/disconnect", { signal: withDeadline() }));
}

/** Erases everything of the tenant; `confirm` is the shop's domain as the person typed it. */
export async function eraseTenant(confirm: string): Promise<void> {
  await unwrap(
    client.DELETE("/api/tenants/current", { body: { confirm }, signal: withDeadline() }),
  );
}

export async function readDataRequests(signal?: AbortSignal): Promise<DataRequest[]> {
  const { dataRequests } = await unwrap(
    client.GET("/api/tenants/current/data-requests", { signal: withDeadline(signal) }),
    signal,
  );
  return dataRequests;
}

export function readIngestionStatus(signal?: AbortSignal): Promise<IngestionStatus> {
  return unwrap(client.GET("/api/ingestion/status", { signal: withDeadline(signal) }), signal);
}

export async function readPulls(signal?: AbortSignal): Promise<PullRecord[]> {
  const { pulls } = await unwrap(
    client.GET("/api/ingestion/pulls", {
      params: { query: { limit: PULLS_SHOWN } },
      signal: withDeadline(signal),
    }),
    signal,
  );
  return pulls;
}

/** Without dates the whole history is read again. */
export function requestPull(body: PullRange): Promise<{ id: string }> {
  return unwrap(client.POST("/api/ingestion/pulls", { body, signal: withDeadline() }));
}
