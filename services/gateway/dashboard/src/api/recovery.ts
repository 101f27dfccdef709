/** The routes behind the recovery of an account, the audit log and the notices made of it. */

import { type Session, client, unwrap, withDeadline } from "./client";
import { ApiError } from "./errors";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Recovery = Schemas["Recovery"];
export type RecoveryChoice = Schemas["RecoveryChoice"];
export type AuditEntry = Schemas["AuditEntry"];

export const ENTRIES_A_PAGE = 20;

/** Null when this browser holds no confirmation of Shopify. */
export async function readRecovery(signal?: AbortSignal): Promise<Recovery | null> {
  try {
    return await unwrap(client.GET("/api/auth/recovery", { signal: withDeadline(signal) }), signal);
  } catch (error) {
    if (error instanceof ApiError && error.code === "RECOVERY_NOT_FOUND") return null;
    throw error;
  }
}

export function recover(body: RecoveryChoice): Promise<Session> {
  return unwrap(client.POST("/api/auth/recovery", { body, signal: withDeadline() }));
}

export async function readNotices(signal?: AbortSignal): Promise<AuditEntry[]> {
  const { notices } = await unwrap(
    client.GET("/api/tenants/current/notices", { signal: withDeadline(signal) }),
    signal,
  );
  return notices;
}

/** Dismisses what was shown: everything up to `until`, and nothing that came after it. */
export async function dismissNotices(until: string): Promise<void> {
  await unwrap(
    client.POST("/api/tenants/current/notices/seen", { body: { until }, signal: withDeadline() }),
  );
}

export async function readAuditLog(before: string | null, signal?: AbortSignal): Promise<AuditEntry[]> {
  const query = { limit: ENTRIES_A_PAGE, ...(before && { before }) };
  const { entries } = await unwrap(
    client.GET("/api/tenants/current/audit-log", { params: { query }, signal: withDeadline(signal) }),
    signal,
  );
  return entries;
}
