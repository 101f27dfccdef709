/** The typed client of the gateway. Every failure leaves here as an ApiError. */

import createClient from "openapi-fetch";

import { ApiError, errorFromAnswer, errorFromFailure } from "./errors";
import type { components, paths } from "./schema";

export type Session = components["schemas"]["Session"];
export type Claim = components["schemas"]["Claim"];
export type CurrentTenant = components["schemas"]["CurrentTenant"];
export type PullStatus = components["schemas"]["PullStatus"];
export type Summary = components["schemas"]["Summary"];
export type TopCustomers = components["schemas"]["TopCustomers"];
export type OrdersByDay = components["schemas"]["OrdersByDay"];

const ANSWER_WITHIN_MS = 20_000;

export const ORIGIN = globalThis.location?.origin ?? "";

export const client = createClient<paths>({
  baseUrl: ORIGIN,
  credentials: "same-origin",
  fetch: (request) => globalThis.fetch(request),
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

export async function unwrap<T>(call: Promise<Answer<T>>, signal?: AbortSignal): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (failure) {
    if (signal?.aborted) throw failure;
    throw errorFromFailure(failure);
  }
  if (!answer.response.ok) throw errorFromAnswer(answer.error, answer.response);
  return answer.data as T;
}

export function withDeadline(signal?: AbortSignal): AbortSignal {
  const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
  return signal ? AbortSignal.any([signal, deadline]) : deadline;
}

/** Null when nobody is signed in. */
export async function readSession(signal?: AbortSignal): Promise<Session | null> {
  try {
    return await unwrap(client.GET("/api/auth/session", { signal: withDeadline(signal) }), signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** Null when this browser holds no connection to redeem. */
export async function readClaim(signal?: AbortSignal): Promise<Claim | null> {
  try {
    return await unwrap(client.GET("/api/auth/claim", { signal: withDeadline(signal) }), signal);
  } catch (error) {
    if (error instanceof ApiError && error.code.startsWith("CLAIM_")) return null;
    throw error;
  }
}

export type Credentials = { username: string; password: string };

export function logIn(body: Credentials): Promise<Session> {
  return unwrap(client.POST("/api/auth/login", { body, signal: withDeadline() }));
}

export async function logOut(): Promise<void> {
  await unwrap(client.POST("/api/auth/logout", { signal: withDeadline() }));
}

export function redeemClaim(body: Credentials): Promise<Session> {
  return unwrap(client.POST("/api/auth/claim", { body, signal: withDeadline() }));
}

export function readCurrentTenant(signal?: AbortSignal): Promise<CurrentTenant> {
  return unwrap(client.GET("/api/tenants/current", { signal: withDeadline(signal) }), signal);
}

export function readSummary(signal?: AbortSignal): Promise<Summary> {
  return unwrap(client.GET("/api/analytics/summary", { signal: withDeadline(signal) }), signal);
}

export function readTopCustomers(signal?: AbortSignal): Promise<TopCustomers> {
  return unwrap(
    client.GET("/api/analytics/top-customers", {
      params: { query: { limit: 5 } },
      signal: withDeadline(signal),
    }),
    signal,
  );
}

export type OrdersRange = { from?: string; to?: string };

export function readOrdersByDay(range: OrdersRange, signal?: AbortSignal): Promise<OrdersByDay> {
  return unwrap(
    client.GET("/api/analytics/orders", {
      params: { query: range },
      signal: withDeadline(signal),
    }),
    signal,
  );
}
