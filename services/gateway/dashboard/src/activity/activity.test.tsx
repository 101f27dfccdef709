/** Members are told what others did until they dismiss it; the owner can read all of it. */

import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, test } from "vitest";

import { type AuditEntry, ENTRIES_A_PAGE } from "../api/recovery";
import { ActivitySection } from "../settings/ActivitySection";
import { Notices } from "../shell/Notices";
import { type Answers, failure, openPage } from "../testPage";
import { inWords } from "./words";

const NOTICES = "/api/tenants/current/notices";
const LOG = "/api/tenants/current/audit-log";
const entry = (fields: Partial<AuditEntry>): AuditEntry => ({
  id: "e1",
  at: "2026-11-20T23:30:00Z",
  action: "ownership_taken_over",
  username: "bea",
  formerOwner: "ada",
  ...fields,
});

afterEach(cleanup);

describe("in words", () => {
  test.each([
    [entry({}), "bea took over ownership from ada, confirmed by Shopify."],
    [entry({ action: "shop_reconnected", username: null }), "The shop was connected again."],
    [entry({ action: "account_recovered", username: "ada" }), "The store owner recovered the account ada through Shopify."],
    [entry({ action: "claim_redeemed", username: "ada" }), "ada became the owner."],
    [entry({ action: "export_requested" }), "Export requested by bea."],
    [entry({ action: "constructor", username: null }), "Constructor."],
  ])("%o", (given, words) => expect(inWords(given)).toBe(words));
});

describe("notices", () => {
  const answers: Answers = { "/api/tenants/current": { zone: "Asia/Tokyo" } };

  test("nothing to tell shows nothing", async () => {
    const { fetch } = openPage(<Notices />, { ...answers, [NOTICES]: { notices: [] } });
    await waitFor(() => expect(fetch).toHaveBeenCalled());
    expect(screen.queryByTestId("notices")).toBeNull();
  });

  test("they stay until dismissed, and only those shown are dismissed", async () => {
    let notices = [entry({}), entry({ id: "e0", at: "2026-11-19T10:00:00Z", action: "shop_reconnected" })];
    const { fetch } = openPage(<Notices />, {
      ...answers,
      [`GET ${NOTICES}`]: () => Response.json({ notices }),
      [`POST ${NOTICES}/seen`]: () => {
        notices = [];
        return new Response(null, { status: 204 });
      },
    });
    const shown = await screen.findByTestId("notices");
    await waitFor(() => expect(shown.textContent).toContain("Nov 21, 2026: bea took over ownership from ada"));
    expect(shown.textContent).toContain("Nov 19, 2026: The shop was connected again.");
    fireEvent.click(screen.getByRole("button", { name: "Dismiss" }));
    await waitFor(() => expect(screen.queryByTestId("notices")).toBeNull());
    const [post] = fetch.mock.calls.map(([input]) => input as Request).filter(({ method }) => method === "POST");
    expect(await post?.clone().json()).toEqual({ until: "2026-11-20T23:30:00Z" });
  });

  test("a dismissal that failed keeps them", async () => {
    openPage(<Notices />, {
      ...answers,
      [`GET ${NOTICES}`]: { notices: [entry({})] },
      [`POST ${NOTICES}/seen`]: () => failure(503, "r-1"),
    });
    fireEvent.click(await screen.findByRole("button", { name: "Dismiss" }));
    await screen.findByRole("button", { name: "Dismiss failed, try again" });
    expect(screen.getByTestId("notices")).toBeTruthy();
  });
});

describe("the activity", () => {
  test("is read page by page, each from where the last ended", async () => {
    const page = Array.from({ length: ENTRIES_A_PAGE }, (_, n) =>
      entry({ id: `p${n}`, at: new Date(Date.UTC(2026, 10, 20, 0, 59 - n)).toISOString() }),
    );
    const asked: (string | null)[] = [];
    openPage(<ActivitySection zone="UTC" />, {
      [LOG]: (url: URL) => {
        asked.push(url.searchParams.get("before"));
        return { entries: asked.length === 1 ? page : [entry({ id: "last", action: "claim_redeemed" })] };
      },
    });
    fireEvent.click(await screen.findByRole("button", { name: "Show older" }));
    await screen.findByText("bea became the owner.");
    expect(asked).toEqual([null, page.at(-1)?.at]);
    expect(screen.queryByRole("button", { name: "Show older" })).toBeNull();
  });

  test("a failure leaves the rest of the page alone", async () => {
    openPage(<ActivitySection zone={null} />, { [LOG]: () => failure(403, "r-9", "OWNER_REQUIRED") });
    expect((await screen.findByRole("alert")).textContent).toContain("The activity could not be loaded");
  });
});
