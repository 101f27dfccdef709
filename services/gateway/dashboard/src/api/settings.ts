/** The routes behind the settings page: the tenant's own settings, its pulls, and their proof. */

import { type CurrentTenant, client, unwrap, withDeadline } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type TenantSettings = Schemas["TenantSettings"];
export type PullRecord = Schemas["Pull"];
export type ProvenEntity = Schemas["EntityProof"];
export type Proof = Schemas["Proof"];
export type IngestionStatus = Schemas["IngestionStatus"];
export type DataRequest = Schemas["DataRequest"];
export type PullRange = { from?: string; to?: string };

const PULLS_SHOWN = 20;

export function changeSettings(body: Partial<TenantSettings>): Promise<CurrentTenant> {
  return unwrap(client.PATCH("/api/tenants/current", { body, signal: withDeadline() }));
}

export async function disconnectShop(password: string): Promise<void> {
  await unwrap(
    client.POST("/api/tenants/current/disconnect", { body: { password }, signal: withDeadline() }),
  );
}

/** Schedules the deletion of all data; `confirm` is the shop's domain as the person typed it. */
export function deleteTenant(body: Schemas["Confirmation"]): Promise<Schemas["ErasureScheduled"]> {
  return unwrap(client.DELETE("/api/tenants/current", { body, signal: withDeadline() }));
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
