/** What loaded is shown, what did not says why and can be tried again, and comparisons are true. */

import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";

import { type Answers, failure, openPage } from "../testPage";
import { OverviewPage } from "./OverviewPage";
import type { OverviewSearch } from "./ranges";

const freshness = { changedAt: "1998-07-01T12:00:00Z", dataVersion: 1 };
const summary = {
  averageOrderValue: "10.00",
  currency: "USD",
  firstOrderDate: "1997-01-01",
  freshness,
  impossibleDates: { orderCount: 0, orders: [], revenue: "0.00" },
  lastOrderDate: "1998-06-30",
  otherCurrencies: [],
  partial: false,
  totalCustomers: 5,
  totalOrders: 40,
  totalRevenue: "400.00",
  zone: "America/New_York",
};
const tenant = { shopDomain: "cups.myshopify.com", status: "active", zone: "America/New_York", currency: "USD", pull: null, freshness };

/** Thirty days, each alike. */
function orders(perDay: number, firstDay: string) {
  const start = Date.parse(firstDay);
  const days = Array.from({ length: 30 }, (_, index) => ({
    date: new Date(start + index * 86_400_000).toISOString().slice(0, 10),
    orderCount: perDay,
    revenue: `${perDay * 10}.00`,
  }));
  const totals = { orderCount: perDay * 30, revenue: `${perDay * 300}.00` };
  const ends = { from: days[0]!.date, to: days[29]!.date };
  return { ...ends, currency: "USD", days, freshness, totals, zone: "America/New_York" };
}

let answers: Answers;

beforeEach(() => {
  answers = {
    "/api/analytics/summary": summary,
    "/api/analytics/top-customers": { customers: [], currency: "USD" },
    "/api/tenants/current": tenant,
    "/api/analytics/orders": ({ searchParams }: URL) =>
      searchParams.get("from") === "1998-06-01" ? orders(2, "1998-06-01") : orders(0, "1998-05-02"),
  };
});

afterEach(cleanup);

const open = (search: OverviewSearch = {}) => openPage(<OverviewPage search={search} />, answers);
const figure = (testId: string) => screen.findByTestId(testId).then((found) => found.parentElement!);

test("a period before that sold nothing is said so, in the totals as in the read-out", async () => {
  open();
  const sales = await figure("range-sales");
  expect(await within(sales).findByText("$0.00 the period before")).toBeTruthy();
  expect((await figure("range-orders")).textContent).toContain("0 the period before");
  expect((await figure("range-aov")).textContent).toContain("No orders the period before");
  expect(screen.getByTestId("chart-readout").textContent).toContain("$0.00 the period before");
  expect(screen.queryByText("No full period before")).toBeNull();
});

test("a period before that history does not reach is not taken for an empty one", async () => {
  answers["/api/analytics/summary"] = { ...summary, firstOrderDate: "1998-05-20" };
  open();
  expect((await figure("range-sales")).textContent).toContain("No full period before");
  expect(screen.getByTestId("chart-readout").textContent).not.toContain("the period before");
});

test("a period before that could not be loaded is not said to be missing", async () => {
  const reach = answers["/api/analytics/orders"] as (url: URL) => unknown;
  answers["/api/analytics/orders"] = (url: URL) =>
    url.searchParams.get("from") === "1998-06-01" ? reach(url) : failure(503, "r-before");
  open();
  expect(await within(await figure("range-sales")).findByText("Period before not loaded")).toBeTruthy();
});

test("without a summary, sales says why with a request id, and a retry brings both back", async () => {
  answers["/api/analytics/summary"] = failure(503, "r-summary");
  open();
  const sales = await screen.findByRole("region", { name: /^Sales by/ });
  expect((await within(sales).findByTestId("error-request-id")).textContent).toBe("r-summary");
  expect(screen.getByText("All-time figures could not be loaded")).toBeTruthy();
  expect(await screen.findByText("No customer has ordered yet.")).toBeTruthy();
  answers["/api/analytics/summary"] = summary;
  fireEvent.click(within(sales).getByRole("button", { name: "Try again" }));
  expect((await screen.findByTestId("range-sales")).textContent).toBe("$600.00");
  expect((await screen.findByTestId("tile-orders")).textContent).toBe("40");
});

test("without a summary, a range of one's own shows its sales and no made-up comparison", async () => {
  answers["/api/analytics/summary"] = failure(503, "r-summary");
  open({ from: "1998-06-01", to: "1998-06-30" });
  expect((await figure("range-sales")).textContent).toBe("$600.00Period before not loaded");
});

test.each([
  ["active", "still being imported"],
  ["disconnected", "did not finish"],
])("partial figures of a shop that is %s say whether they will grow", async (status, words) => {
  answers["/api/analytics/summary"] = { ...summary, partial: true };
  answers["/api/tenants/current"] = { ...tenant, status };
  open();
  await waitFor(() => expect(screen.getByTestId("partial-notice").textContent).toContain(words));
});

test("where Shopify shows no older orders, all time says from when on", async () => {
  open();
  await screen.findByTestId("tile-orders");
  expect(screen.queryByText(/^Shopify lets Tillstream read/)).toBeNull();
  cleanup();
  answers["/api/tenants/current"] = { ...tenant, historySince: "1998-05-02" };
  open();
  const notice = await screen.findByText(/^Shopify lets Tillstream read/);
  expect(notice.textContent).toContain("read orders since May 2, 1998.");
});

test("orders of impossible dates are named, with what they are worth and where to put them right", async () => {
  open();
  await screen.findByTestId("tile-orders");
  expect(screen.queryByTestId("impossible-dates")).toBeNull();
  cleanup();
  const orders = [
    { orderId: "7001", orderName: "#1001", date: "1899-12-30" },
    { orderId: "7002", orderName: null, date: "0001-01-02" },
    { orderId: "7003", orderName: " ", date: null },
  ];
  const impossibleDates = { orderCount: 1, orders: orders.slice(0, 1), revenue: "45.00" };
  answers["/api/analytics/summary"] = { ...summary, impossibleDates };
  open();
  const note = await screen.findByTestId("impossible-dates");
  expect(note.textContent).toContain("1 order with an impossible date, $45.00.");
  expect(note.textContent).toContain("#1001 Dec 30, 1899");
  await waitFor(() =>
    expect(within(note).getByRole("link", { name: "#1001" }).getAttribute("href")).toBe(
      "https://cups.myshopify.com/admin/orders/7001",
    ),
  );
  cleanup();
  answers["/api/analytics/summary"] = {
    ...summary,
    impossibleDates: { orderCount: 12, orders, revenue: "90.00" },
  };
  open();
  const many = await screen.findByTestId("impossible-dates");
  expect(many.textContent).toContain("12 orders with an impossible date, $90.00.");
  const told = within(many).getAllByRole("listitem").map((item) => item.textContent);
  expect(told).toEqual([
    "#1001 Dec 30, 1899",
    "7002 0001-01-02",
    "7003 unreadable date",
    "and 9 more",
  ]);
});
