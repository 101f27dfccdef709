/** Live events reach the cache, older ones do not, and a broken stream comes back by itself. */

import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { CurrentTenant, Summary } from "../api/client";
import { keys } from "../api/queries";
import { applyPull, applySummary, atMostEvery, isNewer } from "./apply";
import { type EventStream, LiveConnection, type LiveState, backoff } from "./connection";

const freshness = (dataVersion: string) => ({ dataVersion, changedAt: "2026-11-24T10:00:00Z" });

const summary = (version: string, totalOrders: number, partial = false): Summary => ({
  totalCustomers: 1,
  totalOrders,
  totalRevenue: "10.00",
  averageOrderValue: "10.00",
  topCustomers: [],
  currency: "USD",
  zone: "America/New_York",
  firstOrderDate: "1997-01-01",
  impossibleDates: { orderCount: 0, orders: [], revenue: "0.00" },
  lastOrderDate: "1998-06-30",
  otherCurrencies: [],
  partial,
  freshness: freshness(version),
});

const pull = (state: "running" | "succeeded") => ({
  id: "p",
  kind: "backfill" as const,
  scope: "all" as const,
  state,
  requestedAt: "2026-11-24T10:00:00Z",
  startedAt: null,
  finishedAt: null,
  recordsProcessed: 5,
  errors: [],
  proof: null,
  furtherEntities: [],
    entities: [{ entity: "orders" as const, state: "importing" as const, done: 5, expected: 10 }],
});

const tenant = (): CurrentTenant => ({
  id: "t",
  shopDomain: "cdnow.myshopify.com",
  scopes: [],
  name: null,
  currency: null,
  zone: null,
  status: "active",
  connectedAt: "2026-11-24T10:00:00Z",
  historySince: null,
  plan: null,
  settings: { pullIntervalMinutes: 15, includeTestOrders: false, paused: false },
  pull: pull("running"),
  freshness: freshness("1"),
  erasureGraceHours: 24,
});

describe("events into the cache", () => {
  let cache: QueryClient;
  beforeEach(() => {
    cache = new QueryClient();
  });

  test("a newer summary replaces the cached one and moves the tenant's freshness", () => {
    cache.setQueryData(keys.summary, summary("9", 1));
    cache.setQueryData(keys.tenant, tenant());
    expect(applySummary(cache, summary("10", 2))).toBe(true);
    expect(cache.getQueryData<Summary>(keys.summary)?.totalOrders).toBe(2);
    expect(cache.getQueryData<CurrentTenant>(keys.tenant)?.freshness.dataVersion).toBe("10");
  });

  test("an older or equal summary changes nothing", () => {
    cache.setQueryData(keys.summary, summary("10", 2));
    expect(applySummary(cache, summary("9", 1))).toBe(false);
    expect(applySummary(cache, summary("10", 3))).toBe(false);
    expect(cache.getQueryData<Summary>(keys.summary)?.totalOrders).toBe(2);
  });

  test("the end of a backfill counts even without a new version", () => {
    cache.setQueryData(keys.summary, summary("10", 2, true));
    expect(applySummary(cache, summary("10", 2, false))).toBe(true);
  });

  test("something else than a summary is ignored", () => {
    expect(applySummary(cache, { hello: 1 })).toBe(false);
    expect(cache.getQueryData(keys.summary)).toBeUndefined();
  });

  test("a pull event replaces the tenant's pull, and its end asks for fresh figures", () => {
    cache.setQueryData(keys.summary, summary("1", 1, true));
    cache.setQueryData(keys.tenant, tenant());
    applyPull(cache, { ...pull("running"), recordsProcessed: 7 });
    expect(cache.getQueryData<CurrentTenant>(keys.tenant)?.pull?.recordsProcessed).toBe(7);
    expect(cache.getQueryState(keys.summary)?.isInvalidated).toBe(false);
    applyPull(cache, pull("succeeded"));
    expect(cache.getQueryState(keys.summary)?.isInvalidated).toBe(true);
  });

  test("versions are compared as numbers, beyond what a float can hold", () => {
    expect(isNewer("10", "9")).toBe(true);
    expect(isNewer("9007199254740993", "9007199254740992")).toBe(true);
    expect(isNewer("9", "10")).toBe(false);
  });
});

class FakeStream implements EventStream {
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, listener);
  }

  send(type: string, data: string): void {
    this.listeners.get(type)?.(new MessageEvent(type, { data }));
  }

  close(): void {
    this.closed = true;
  }
}

describe("the connection", () => {
  const streams: FakeStream[] = [];
  const states: LiveState[] = [];
  const events: unknown[] = [];
  let stop: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    streams.length = states.length = events.length = 0;
    stop = new LiveConnection({
      onState: (state) => states.push(state),
      onOpen: () => undefined,
      onEvent: (_, data) => events.push(data),
      random: () => 1,
      open: () => {
        const stream = new FakeStream();
        streams.push(stream);
        return stream;
      },
    }).start();
  });

  afterEach(() => {
    stop();
    show("visible");
    vi.useRealTimers();
  });

  function show(visibility: "visible" | "hidden") {
    Object.defineProperty(document, "visibilityState", { configurable: true, value: visibility });
    document.dispatchEvent(new Event("visibilitychange"));
  }

  test("hands on what it hears and skips what is not JSON", () => {
    streams[0]?.onopen?.(new Event("open"));
    streams[0]?.send("summary", '{"a":1}');
    streams[0]?.send("summary", "{broken");
    expect(events).toEqual([{ a: 1 }]);
    expect(states.at(-1)).toBe("live");
  });

  test("a broken stream is closed and opened again, later each time", () => {
    streams[0]?.onerror?.(new Event("error"));
    expect(streams[0]?.closed).toBe(true);
    expect(states.at(-1)).toBe("delayed");
    vi.advanceTimersByTime(1_000);
    expect(streams).toHaveLength(2);
    streams[1]?.onerror?.(new Event("error"));
    vi.advanceTimersByTime(1_000);
    expect(streams).toHaveLength(2);
    vi.advanceTimersByTime(1_000);
    expect(streams).toHaveLength(3);
  });

  test("a hidden page holds no stream and opens one when seen again", () => {
    show("hidden");
    expect(streams[0]?.closed).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(streams).toHaveLength(1);
    show("visible");
    expect(streams).toHaveLength(2);
  });

  test("waits are bounded and spread", () => {
    expect(backoff(0, () => 0)).toBe(500);
    expect(backoff(3, () => 1)).toBe(8_000);
    expect(backoff(50, () => 1)).toBe(30_000);
  });
});

test("sections refresh at once, then at most every interval, and the last call is not lost", () => {
  vi.useFakeTimers();
  const work = vi.fn();
  const limited = atMostEvery(10_000, work);
  limited.call();
  limited.call();
  limited.call();
  expect(work).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10_000);
  expect(work).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(60_000);
  expect(work).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});
