/** The settings say what is true, send what was chosen and nothing else, and ask before they take away. */

import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { keys } from "../api/queries";
import type { PullRecord } from "../api/settings";
import { recallDeletion } from "../deletion/scheduled";
import { TenantBanner } from "../shell/TenantBanner";
import { type Answers, failure, openPage } from "../testPage";
import { SettingsPage } from "./SettingsPage";
import { hoursInWords, tookInWords } from "./durations";
import { intervalInWords, intervalsWith } from "./intervals";

const DOMAIN = "fernwood.myshopify.com";
const tenant = {
  id: "t1",
  shopDomain: DOMAIN,
  name: "Fernwood",
  currency: "GBP",
  zone: "Europe/London",
  plan: "Grow",
  status: "active",
  connectedAt: "2026-11-01T10:00:00Z",
  historySince: null,
  scopes: ["read_orders", "read_customers"],
  settings: { pullIntervalMinutes: 15, includeTestOrders: false, paused: false },
  pull: null,
  freshness: { changedAt: null, dataVersion: "1" },
  erasureGraceHours: 24,
};
const pull: PullRecord = {
  id: "p1",
  kind: "reconciliation",
  scope: "changes",
  state: "succeeded",
  requestedAt: "2026-11-20T10:00:00Z",
  startedAt: "2026-11-20T10:00:01Z",
  finishedAt: "2026-11-20T10:01:06Z",
  recordsProcessed: 1234,
  errors: [],
  proof: null,
};
const orders = { entity: "orders", ours: 400, shopify: 400, drift: 0, repaired: 0 };
const session = {
  user: { id: "u", username: "ada" },
  tenant: { id: "t1", shopDomain: DOMAIN, role: "owner" },
  expiresAt: "2026-11-25T10:00:00Z",
};

let answers: Answers;

beforeEach(() => {
  answers = {
    "/api/auth/session": session,
    "/api/tenants/current": tenant,
    "/api/ingestion/status": { proof: { checkedAt: "2026-11-20T03:00:00Z", entities: [orders] }, lastPull: pull },
    "/api/ingestion/pulls": { pulls: [pull] },
    "/api/tenants/current/data-requests": { dataRequests: [] },
    "/api/tenants/current/audit-log": { entries: [] },
    "/api/auth/sessions": { sessions: [] },
  };
});

afterEach(cleanup);

const page = (
  <>
    <TenantBanner />
    <SettingsPage />
  </>
);

function open() {
  const { fetch, ...rest } = openPage(page, answers);
  const sent = async (method: string) => {
    const requests = fetch.mock.calls.map(([input]) => input as Request);
    const found = requests.filter((request) => request.method === method);
    return Promise.all(
      found.map(async (request) => ({
        path: new URL(request.url).pathname,
        body: await request
          .clone()
          .json()
          .catch(() => null),
      })),
    );
  };
  const asked = () => fetch.mock.calls.map(([input]) => new URL((input as Request).url).pathname);
  return { ...rest, asked, sent };
}

describe("the shop and its settings", () => {
  test("the shop's own facts are shown and cannot be changed here", async () => {
    open();
    const facts = await screen.findByTestId("shop-facts");
    for (const fact of [DOMAIN, "GBP", "London time (Europe/London)", "Grow", "read_orders"]) {
      expect(facts.textContent).toContain(fact);
    }
    expect(facts.querySelector("input, select, button")).toBeNull();
  });

  test("orders are readable as far back as Shopify lets us", async () => {
    open();
    expect((await screen.findByTestId("shop-facts")).textContent).toContain("Orders readableThe whole history");
    cleanup();
    answers["/api/tenants/current"] = { ...tenant, historySince: "2026-09-02" };
    open();
    expect((await screen.findByTestId("shop-facts")).textContent).toContain("Orders readableSince Sep 2, 2026");
  });

  test("a shop that was left grants nothing, and a zone without a place is said once", async () => {
    answers["/api/tenants/current"] = { ...tenant, status: "disconnected", scopes: [], zone: "UTC" };
    open();
    const facts = await screen.findByTestId("shop-facts");
    expect(facts.textContent).toContain("Access grantedNone");
    expect(facts.textContent).toContain("Time zoneUTCShopify plan");
  });

  test("only what was changed is sent, and the answer is what is shown", async () => {
    answers["PATCH /api/tenants/current"] = {
      ...tenant,
      settings: { ...tenant.settings, pullIntervalMinutes: 60 },
    };
    const { sent } = open();
    const save = await screen.findByRole<HTMLButtonElement>("button", { name: "Save" });
    expect(save.disabled).toBe(true);
    fireEvent.change(screen.getByLabelText("Read what changed"), { target: { value: "60" } });
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(async () =>
      expect(await sent("PATCH")).toEqual([
        { path: "/api/tenants/current", body: { pullIntervalMinutes: 60 } },
      ]),
    );
    const saved = () => screen.getByRole<HTMLButtonElement>("button", { name: "Save" });
    expect(await screen.findByText("Saved")).toBeTruthy();
    expect(saved().disabled).toBe(true);
    expect(screen.getByLabelText<HTMLSelectElement>("Read what changed").value).toBe("60");
  });

  test("a change that failed keeps the choice and shows the request id", async () => {
    answers["PATCH /api/tenants/current"] = failure(503, "r-save");
    open();
    const tests = await screen.findByLabelText<HTMLInputElement>("Count test orders");
    fireEvent.click(tests);
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    expect((await screen.findByTestId("error-request-id")).textContent).toBe("r-save");
    expect(tests.checked).toBe(true);
  });

  test("counting test orders asks for every figure again", async () => {
    answers["PATCH /api/tenants/current"] = {
      ...tenant,
      settings: { ...tenant.settings, includeTestOrders: true },
    };
    const { queryClient } = open();
    const figures = [keys.summary, keys.orders, keys.topCustomers];
    for (const key of figures) queryClient.setQueryData(key, {});
    fireEvent.click(await screen.findByLabelText("Count test orders"));
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() =>
      expect(figures.map((key) => queryClient.getQueryState(key)?.isInvalidated)).toEqual([true, true, true]),
    );
  });

  test("pausing shows on top of the page, and resuming takes it away", async () => {
    const paused = (value: boolean) => ({ ...tenant, settings: { ...tenant.settings, paused: value } });
    answers["PATCH /api/tenants/current"] = paused(true);
    const { sent } = open();
    fireEvent.click(await screen.findByRole("button", { name: "Pause the pulls" }));
    expect((await screen.findByTestId("tenant-banner")).textContent).toContain("paused");
    answers["PATCH /api/tenants/current"] = paused(false);
    fireEvent.click(screen.getByRole("button", { name: "Resume the pulls" }));
    await waitFor(() => expect(screen.queryByTestId("tenant-banner")).toBeNull());
    expect((await sent("PATCH")).map(({ body }) => body)).toEqual([{ paused: true }, { paused: false }]);
  });

  test("an interval of someone else's choice is offered too, and every interval has words", () => {
    expect(intervalsWith(15)).not.toContain(45);
    expect(intervalsWith(45).slice(2, 5)).toEqual([30, 45, 60]);
    expect([1, 15, 60, 180, 1440].map(intervalInWords)).toEqual([
      "Every minute",
      "Every 15 minutes",
      "Every hour",
      "Every 3 hours",
      "Once a day",
    ]);
  });
});

describe("the banner of a shop that is not read", () => {
  test.each([
    ["reconnect_required", "no longer accepts our access"],
    ["disconnected", "is disconnected"],
  ])("%s leads to connecting this shop again", async (status, words) => {
    answers["/api/tenants/current"] = { ...tenant, status };
    open();
    const banner = await screen.findByTestId("tenant-banner");
    expect(banner.textContent).toContain(words);
    const link = within(banner).getByRole("link", { name: "Connect again" });
    expect(link.getAttribute("href")).toBe(`/connect?shop=${DOMAIN}`);
    expect(screen.queryByTestId("read-again")).toBeNull();
  });

  test("an active shop has none", async () => {
    open();
    await screen.findByTestId("shop-facts");
    expect(screen.queryByTestId("tenant-banner")).toBeNull();
  });
});

describe("the proof", () => {
  const further = (entity: string, state: string, records = 0) => ({ entity, state, records, done: 9, expected: 9 });
  const kept = (...furtherEntities: object[]) => ({ proof: null, lastPull: pull, pull: { furtherEntities } });

  test("what else is kept is listed with its number, and what lacks access says how to give it", async () => {
    answers["/api/ingestion/status"] = kept(
      further("draft_orders", "done", 1_204),
      further("locations", "skipped"),
      further("discounts", "failed"),
    );
    open();
    const section = await screen.findByTestId("further-entities");
    await waitFor(() => expect(section.textContent).toContain("draft ordersRead 1,204"));
    expect(section.textContent).toContain("locationsNo access");
    expect(section.textContent).toContain("discountsFailed; read again with the next pull");
    expect(section.textContent).toContain("Connect the shop again");
  });

  test("before the first pull of the whole history the list says when it comes", async () => {
    answers["/api/ingestion/status"] = { proof: null, lastPull: null, pull: null };
    open();
    const section = await screen.findByTestId("further-entities");
    await waitFor(() => expect(section.textContent).toContain("Nothing yet."));
  });

  const proven = (...entities: object[]) => ({
    proof: { checkedAt: "2026-11-20T03:00:00Z", entities },
    lastPull: null,
  });

  test("equal counts say that nothing is missing, beside both counts", async () => {
    open();
    expect((await screen.findByTestId("proof-verdict")).textContent).toContain("Nothing is missing.");
    expect(screen.getByRole("row", { name: /^orders/ }).textContent).toBe("orders40040000");
  });

  test("drift that was repaired is over, drift that was not is said", async () => {
    answers["/api/ingestion/status"] = proven({ ...orders, drift: 3, repaired: 3 });
    open();
    expect((await screen.findByTestId("proof-verdict")).textContent).toContain("Nothing is missing.");
    cleanup();
    answers["/api/ingestion/status"] = proven(orders, { ...orders, entity: "customers", ours: 398, drift: -2 });
    open();
    expect((await screen.findByTestId("proof-verdict")).textContent).toContain("The counts differ; the first pull after an hour");
  });

  test("before the first comparison nothing is claimed", async () => {
    answers["/api/ingestion/status"] = { proof: null, lastPull: null };
    open();
    const empty = await screen.findByText(/Nothing was compared yet/);
    expect(empty.textContent).toContain("The import ends with the first comparison");
    expect(screen.queryByTestId("proof-verdict")).toBeNull();
  });

  test("a comparison that cannot be read costs its own section, and a retry brings it", async () => {
    const status = answers["/api/ingestion/status"];
    answers["/api/ingestion/status"] = failure(503, "r-proof");
    open();
    const section = await screen.findByTestId("proof");
    expect((await within(section).findByTestId("error-request-id")).textContent).toBe("r-proof");
    expect(await screen.findByTestId("pull")).toBeTruthy();
    answers["/api/ingestion/status"] = status;
    fireEvent.click(within(section).getByRole("button", { name: "Try again" }));
    expect(await screen.findByTestId("proof-verdict")).toBeTruthy();
  });
});

describe("pulls", () => {
  test("each says what it read, how long it took and what went wrong", async () => {
    const errors = [
      { entity: null, code: "SHOPIFY_UNAVAILABLE", message: "Shopify did not answer." },
      { entity: "draft_orders", code: "SHOPIFY_EXPORT_FAILED", message: "No file came." },
    ];
    answers["/api/ingestion/pulls"] = {
      pulls: [pull, { ...pull, id: "p2", scope: "range", state: "failed", errors }],
    };
    open();
    const [first, second] = await screen.findAllByTestId("pull");
    expect(first?.textContent).toContain("What changed");
    expect(second?.textContent).toContain("Days asked for");
    expect(first?.textContent).toContain("1,234 records in 1 min 5 s");
    const listed = within(second as HTMLElement).getAllByRole("listitem");
    expect(listed.map(({ textContent }) => textContent)).toEqual([
      "Shopify did not answer. SHOPIFY_UNAVAILABLE",
      "draft orders: No file came. SHOPIFY_EXPORT_FAILED",
    ]);
    expect(tookInWords("2026-01-01T00:00:00Z", "2026-01-01T02:03:09Z")).toBe("2 h 3 min");
  });

  test("a pull that compared says what it proved, any other nothing", async () => {
    const proofs = [
      null,
      { compared: 14, differing: 0, repaired: 0 },
      { compared: 14, differing: 0, repaired: 1 },
      { compared: 14, differing: 2, repaired: 1_200 },
    ];
    answers["/api/ingestion/pulls"] = { pulls: proofs.map((proof, index) => ({ ...pull, id: `p${index}`, proof })) };
    open();
    const rows = await screen.findAllByTestId("pull");
    expect(rows.map((row) => within(row).queryByText(/^Compared/)?.textContent)).toEqual([
      undefined,
      "Compared with Shopify: all 14 counts equal",
      "Compared with Shopify: all 14 counts equal, 1 record repaired",
      "Compared with Shopify: 2 of 14 counts differ, 1,200 records repaired",
    ]);
  });

  test("the days that were chosen are asked for, and the new pull shows", async () => {
    answers["POST /api/ingestion/pulls"] = Response.json({ id: "p9" }, { status: 202 });
    const { sent } = open();
    fireEvent.change(await screen.findByLabelText("From"), { target: { value: "2026-01-01" } });
    fireEvent.change(screen.getByLabelText("To"), { target: { value: "2026-01-31" } });
    answers["/api/ingestion/pulls"] = { pulls: [{ ...pull, id: "p9", state: "queued" }, pull] };
    fireEvent.click(screen.getByRole("button", { name: "Read these days again" }));
    expect(await screen.findByText("Waiting")).toBeTruthy();
    expect(await sent("POST")).toEqual([
      { path: "/api/ingestion/pulls", body: { from: "2026-01-01", to: "2026-01-31" } },
    ]);
  });

  test("without dates everything is asked for, and days the wrong way round are not", async () => {
    answers["POST /api/ingestion/pulls"] = Response.json({ id: "p9" }, { status: 202 });
    const { sent } = open();
    fireEvent.change(await screen.findByLabelText("From"), { target: { value: "2026-02-01" } });
    fireEvent.change(screen.getByLabelText("To"), { target: { value: "2026-01-01" } });
    fireEvent.submit(screen.getByTestId("read-again"));
    expect(screen.getByText("The range starts after it ends.")).toBeTruthy();
    fireEvent.change(screen.getByLabelText("From"), { target: { value: "" } });
    fireEvent.change(screen.getByLabelText("To"), { target: { value: "" } });
    fireEvent.click(screen.getByRole("button", { name: "Read everything again" }));
    expect(await screen.findByText(/^Asked for/)).toBeTruthy();
    expect(await sent("POST")).toEqual([{ path: "/api/ingestion/pulls", body: {} }]);
  });
});

describe("data requests", () => {
  const request = {
    id: "r1",
    customerId: "7001",
    requestedAt: "2026-11-20T10:00:00Z",
    expiresAt: "2026-12-20T10:00:00Z",
    bytes: 2048,
  };

  test("a file that is kept can be downloaded, one that is gone cannot", async () => {
    const gone = { ...request, id: "r2", customerId: "7002", bytes: null };
    answers["/api/tenants/current/data-requests"] = { dataRequests: [request, gone] };
    open();
    const section = await screen.findByTestId("data-requests");
    const links = await within(section).findAllByRole("link");
    expect(links.map((link) => link.getAttribute("href"))).toEqual([
      "/api/tenants/current/data-requests/r1/file",
    ]);
    expect(section.textContent).toContain("Customer 7001");
    expect(section.textContent).toContain("The file is gone");
  });

  test("who is no owner is not shown them, and they are not asked for", async () => {
    answers["/api/auth/session"] = { ...session, tenant: { ...session.tenant, role: "viewer" } };
    const { asked } = open();
    await screen.findByText("Only an owner of the shop can do this.");
    expect(screen.queryByTestId("data-requests")).toBeNull();
    expect(asked()).not.toContain("/api/tenants/current/data-requests");
  });
});

describe("disconnecting and deleting", () => {
  const PASSWORD = "a long sentence";

  async function choose(name: string) {
    const action = await screen.findByRole<HTMLButtonElement>("button", { name });
    await waitFor(() => expect(action.disabled).toBe(false));
    fireEvent.click(action);
    return within(await screen.findByRole("dialog"));
  }

  function type(dialog: ReturnType<typeof within>, label: string, value: string) {
    fireEvent.change(dialog.getByLabelText(label), { target: { value } });
  }

  test("disconnecting asks first, and cancel changes nothing", async () => {
    const { sent } = open();
    const dialog = await choose("Disconnect the shop");
    expect(dialog.getByRole<HTMLButtonElement>("button", { name: "Disconnect" }).disabled).toBe(true);
    fireEvent.click(dialog.getByRole("button", { name: "Cancel" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(await sent("POST")).toEqual([]);
  });

  test("a confirmed disconnect is sent with the password, and the page says so from then on", async () => {
    answers["/api/tenants/current/disconnect"] = new Response(null, { status: 202 });
    const { sent } = open();
    const dialog = await choose("Disconnect the shop");
    type(dialog, "Your password", PASSWORD);
    answers["/api/tenants/current"] = { ...tenant, status: "disconnected" };
    fireEvent.click(dialog.getByRole("button", { name: "Disconnect" }));
    expect((await screen.findByTestId("tenant-banner")).textContent).toContain("is disconnected");
    expect(await sent("POST")).toEqual([
      { path: "/api/tenants/current/disconnect", body: { password: PASSWORD } },
    ]);
    const button = screen.getByRole<HTMLButtonElement>("button", { name: "Disconnect the shop" });
    expect(button.disabled).toBe(true);
  });

  test("deleting waits for the shop's own name and a password, then sends both and leaves the page", async () => {
    const dueAt = "2026-12-02T10:00:00Z";
    answers["DELETE /api/tenants/current"] = Response.json({ dueAt }, { status: 202 });
    const leave = vi.spyOn(window.location, "assign").mockImplementation(() => undefined);
    const { sent } = open();
    const dialog = await choose("Delete all data");
    expect(screen.getByRole("dialog").textContent).toContain("in 24 hours");
    const act = dialog.getByRole<HTMLButtonElement>("button", { name: "Delete all data" });
    type(dialog, "Your password", PASSWORD);
    type(dialog, "Shop domain", "harbour.myshopify.com");
    expect(act.disabled).toBe(true);
    fireEvent.submit(dialog.getByLabelText("Shop domain"));
    expect(await sent("DELETE")).toEqual([]);
    type(dialog, "Shop domain", ` ${DOMAIN}`);
    fireEvent.click(act);
    await waitFor(() => expect(leave).toHaveBeenCalledWith("/deletion"));
    const body = { confirm: DOMAIN, password: PASSWORD };
    expect(await sent("DELETE")).toEqual([{ path: "/api/tenants/current", body }]);
    expect(recallDeletion()).toEqual({ shopDomain: DOMAIN, dueAt });
  });

  test.each([
    ["a wrong password", 403, "PASSWORD_CONFIRMATION_FAILED"],
    ["too many tries", 429, "RATE_LIMITED"],
  ])("%s is said in the dialog, and nothing else changes", async (_, status, code) => {
    answers["DELETE /api/tenants/current"] = failure(status, "r-delete", code);
    open();
    const dialog = await choose("Delete all data");
    type(dialog, "Shop domain", DOMAIN);
    type(dialog, "Your password", "not mine");
    fireEvent.click(dialog.getByRole("button", { name: "Delete all data" }));
    expect((await dialog.findByRole("alert")).textContent).toBe("Not now.");
    expect(dialog.queryByTestId("error-request-id")).toBeNull();
    expect(dialog.getByRole<HTMLButtonElement>("button", { name: "Delete all data" }).disabled).toBe(false);
  });

  test("a deletion that failed says why, with a request id, and stays", async () => {
    answers["DELETE /api/tenants/current"] = failure(503, "r-delete");
    open();
    const dialog = await choose("Delete all data");
    type(dialog, "Shop domain", DOMAIN);
    type(dialog, "Your password", PASSWORD);
    fireEvent.click(dialog.getByRole("button", { name: "Delete all data" }));
    expect((await dialog.findByTestId("error-request-id")).textContent).toBe("r-delete");
  });

  test("who is no owner sees both closed and why", async () => {
    answers["/api/auth/session"] = { ...session, tenant: { ...session.tenant, role: "viewer" } };
    open();
    expect(await screen.findByText("Only an owner of the shop can do this.")).toBeTruthy();
    for (const name of ["Disconnect the shop", "Delete all data"]) {
      expect(screen.getByRole<HTMLButtonElement>("button", { name }).disabled).toBe(true);
    }
  });

  test("lengths of time have words", () => {
    expect([0.5, 1, 24, 48, 72].map(hoursInWords)).toEqual([
      "30 minutes",
      "1 hour",
      "24 hours",
      "48 hours",
      "3 days",
    ]);
  });
});

test("settings that cannot be read say so with a request id, and a retry brings them", async () => {
  answers["/api/tenants/current"] = failure(503, "r-tenant");
  open();
  expect((await screen.findByTestId("error-request-id")).textContent).toBe("r-tenant");
  answers["/api/tenants/current"] = tenant;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByTestId("shop-facts")).toBeTruthy();
});
