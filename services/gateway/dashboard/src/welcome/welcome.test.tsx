/** The way from Shopify's consent to an account: right form, clear refusals, honest progress. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Claim, Session } from "../api/client";
import { keys } from "../api/queries";
import { connectErrorText, asRequestId } from "../connect/connectErrors";
import { shopDomain } from "../connect/shopDomain";
import { openPage } from "../testPage";
import { ClaimForm } from "./ClaimForm";
import { FirstPull } from "./FirstPull";
import { PullProgress } from "./PullProgress";
import { nextStep } from "./WelcomePage";
import { claimProblems } from "./claimForm";
import { inWords, overallShare, paceInWords, phaseOf, phaseOfAll, share } from "./progress";

const claim: Claim = {
  tenantId: "t1",
  shopDomain: "cdnow.myshopify.com",
  needsOwner: true,
  expiresAt: "2026-11-24T10:00:00Z",
};
const session = (tenantId: string): Session => ({
  user: { id: "u", username: "ada" },
  tenant: { id: tenantId, shopDomain: "cdnow.myshopify.com", role: "owner" },
  expiresAt: "2026-11-25T10:00:00Z",
});

describe("which step comes next", () => {
  test("a shop without an owner asks for one, a shop with one asks to sign in", () => {
    expect(nextStep(claim, null, false)).toBe("own");
    expect(nextStep({ ...claim, needsOwner: false }, null, false)).toBe("sign-in");
  });

  test("being signed in to another shop does not redeem this one", () => {
    expect(nextStep(claim, session("other"), false)).toBe("own");
    expect(nextStep(claim, session("t1"), false)).toBe("import");
  });

  test("without claim and session the connection has expired", () => {
    expect(nextStep(null, null, false)).toBe("expired");
    expect(nextStep(null, session("t1"), false)).toBe("import");
  });
});

describe("the claim form", () => {
  const values = { username: "ada", password: "long enough", confirmation: "long enough" };

  test("accepts 8 to 256 characters of any script", () => {
    expect(claimProblems(values)).toEqual({});
    for (const longest of ["a".repeat(256), "\u{1F40E}".repeat(256), "пароль ".repeat(20)]) {
      expect(claimProblems({ ...values, password: longest, confirmation: longest })).toEqual({});
    }
  });

  test("refuses a password that is longer, and says how long it may be", () => {
    const password = "\u{1F40E}".repeat(257);
    const { password: problem } = claimProblems({ ...values, password, confirmation: password });
    expect(problem).toContain("256");
  });

  test("refuses a short password, a differing one and an empty name", () => {
    expect(claimProblems({ ...values, password: "short" }).password).toContain("8");
    expect(claimProblems({ ...values, confirmation: "other" }).confirmation).toContain("differ");
    expect(claimProblems({ ...values, username: "  " }).username).toContain("Choose");
    expect(claimProblems({ ...values, username: " al " }).username).toContain("3 to 64");
    expect(claimProblems({ ...values, username: "a".repeat(65) }).username).toContain("3 to 64");
  });
});

describe("submitting the claim", () => {
  afterEach(cleanup);

  function fill(password: string, confirmation = password) {
    const cache = new QueryClient();
    render(
      <QueryClientProvider client={cache}>
        <ClaimForm />
      </QueryClientProvider>,
    );
    fireEvent.change(screen.getByLabelText("User name"), { target: { value: " ada " } });
    fireEvent.change(screen.getByLabelText("Password"), { target: { value: password } });
    fireEvent.change(screen.getByLabelText("Confirm password"), { target: { value: confirmation } });
    fireEvent.submit(screen.getByTestId("claim-form"));
    return cache;
  }

  function answer(status: number, body: unknown) {
    return vi.spyOn(globalThis, "fetch").mockImplementation(async () =>
      Response.json(body, { status }),
    );
  }

  test("what the rules refuse is never sent", () => {
    const fetch = answer(201, session("t1"));
    fill("short");
    expect(screen.getByText("Use at least 8 characters.")).toBeTruthy();
    expect(fetch).not.toHaveBeenCalled();
  });

  test("a new owner is signed in", async () => {
    const fetch = answer(201, session("t1"));
    const cache = fill("long enough");
    await vi.waitFor(() => expect(cache.getQueryData(keys.session)).toEqual(session("t1")));
    const sent = fetch.mock.calls[0]?.[0] as Request;
    expect(new URL(sent.url).pathname).toBe("/api/auth/claim");
    expect(await sent.json()).toEqual({ username: "ada", password: "long enough" });
  });

  test("a taken name is shown at the name", async () => {
    answer(409, {
      error: { code: "USERNAME_TAKEN", message: "This name is taken.", retryable: false },
      requestId: "r-1",
      timestamp: "2026-11-24T10:00:00Z",
    });
    fill("long enough");
    expect(await screen.findByText("This name is taken.")).toBeTruthy();
    expect(screen.getByLabelText("User name").getAttribute("aria-invalid")).toBe("true");
  });

  test("a failure of ours shows the request id", async () => {
    answer(503, {
      error: { code: "SERVICE_UNAVAILABLE", message: "Not now.", retryable: true },
      requestId: "r-503",
      timestamp: "2026-11-24T10:00:00Z",
    });
    fill("long enough");
    expect((await screen.findByTestId("error-request-id")).textContent).toBe("r-503");
  });
});

describe("progress", () => {
  const entity = (done: number, expected: number | null, recordsPerSecond: number | null = null) =>
    ({ entity: "orders", state: "importing", done, expected, recordsPerSecond }) as const;

  test("an unknown size has no share, and a size of none is done", () => {
    expect(share(entity(5, null))).toBeNull();
    expect(share(entity(0, 0))).toBe(1);
    expect(share(entity(12, 10))).toBe(1);
    expect(overallShare([entity(5, 10), entity(0, null)])).toBeNull();
    expect(overallShare([entity(5, 10), entity(10, 90)])).toBe(0.15);
  });

  test("time left and pace are said in words", () => {
    expect([10, 60, 120, 840, 7_200, 200_000].map(inWords)).toEqual([
      "less than a minute left",
      "about 1 minute left",
      "about 2 minutes left",
      "about 14 minutes left",
      "about 2 hours left",
      "about 2 days left",
    ]);
    expect([1_234.5, 0.5, 0.001].map(paceInWords)).toEqual([
      "1,235 a second",
      "30 a minute",
      "1 a minute",
    ]);
  });

  test("the phase tells importing from comparing, and a new export from the first", () => {
    expect(phaseOf(entity(5, 10, 640))).toBe("Importing, 640 a second");
    expect(phaseOf(entity(5, 10))).toBe("Importing");
    expect(phaseOf(entity(10, 10, 640))).toBe("Comparing the count with Shopify's");
    expect(phaseOf({ ...entity(5, 10), state: "exporting" })).toContain("again");
    expect(phaseOfAll([entity(5, 10)])).toBe("Importing orders");
    expect(phaseOfAll([{ ...entity(5, 10), state: "done" }])).toBe("Finishing");
  });

  test("a page that was just opened shows pace and time left from the first answer", () => {
    const waiting = { ...entity(0, 500), entity: "products", state: "waiting" } as const;
    render(
      <PullProgress
        pull={{
          id: "p",
          kind: "backfill",
          scope: "all",
          state: "running",
          requestedAt: "2026-11-24T10:00:00Z",
          startedAt: null,
          finishedAt: null,
          recordsProcessed: 2_000,
          secondsLeft: 130,
          errors: [],
          proof: null,
          entities: [entity(2_000, 9_000, 512.4), waiting],
          furtherEntities: [],
        }}
      />,
    );
    expect(screen.getByTestId("progress-orders").textContent).toContain("2,000 of 9,000");
    expect(screen.getByTestId("progress-orders").textContent).toContain("512 a second");
    expect(screen.getByTestId("progress-left").textContent).toBe("About 2 minutes left");
    cleanup();
  });

  test("once the sales are in, only what else is read is told", () => {
    const further = (name: string, state: "done" | "importing" | "skipped") => ({
      entity: name,
      state,
      done: 1,
      expected: 1,
      records: 1,
    });
    render(
      <PullProgress
        pull={{
          id: "p",
          kind: "backfill",
          scope: "all",
          state: "running",
          requestedAt: "2026-11-24T10:00:00Z",
          startedAt: null,
          finishedAt: null,
          recordsProcessed: 2_000,
          secondsLeft: null,
          errors: [],
          proof: null,
          entities: [{ ...entity(9_000, 9_000), state: "done" }],
          furtherEntities: [
            further("discounts", "done"),
            further("draft_orders", "importing"),
            further("locations", "skipped"),
          ],
        }}
      />,
    );
    expect(screen.queryByTestId("progress-overall")).toBeNull();
    expect(screen.getByTestId("progress-further").textContent).toBe("Beside the sales: draft orders1 of 2 read");
    cleanup();
  });
});

describe("what the first pull came to", () => {
  beforeEach(() => {
    // Not part of the test's browser; here it stays silent.
    vi.stubGlobal(
      "EventSource",
      class extends EventTarget {
        close() {}
      },
    );
  });
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  const tenant = {
    id: "t1",
    shopDomain: "cdnow.myshopify.com",
    name: "CDNOW",
    status: "active",
    historySince: null,
    freshness: { changedAt: null, dataVersion: "1" },
  };
  const pull = { state: "succeeded", errors: [], entities: [], furtherEntities: [], secondsLeft: null };
  const open = (changed: object, told: object = {}) =>
    openPage(<FirstPull />, { "/api/tenants/current": { ...tenant, ...changed, pull: { ...pull, ...told } } });

  test.each([
    ["done", "The whole history is in", "Orders since Sep 2, 2026 are in"],
    ["importing", "All sales are in", "All sales since Sep 2, 2026 are in"],
  ])("what is in is said with its first day where Shopify gave no more (%s)", async (state, whole, since) => {
    const entities = [{ entity: "orders", state: "done", done: 1, expected: 1 }];
    const furtherEntities = [{ entity: "discounts", state, done: 1, expected: 1, records: 1 }];
    const told = { state: state === "done" ? "succeeded" : "running", entities, furtherEntities };
    open({}, told);
    expect(await screen.findByText(new RegExp(`^${whole}`))).toBeTruthy();
    cleanup();
    open({ historySince: "2026-09-02" }, told);
    expect(await screen.findByText(new RegExp(`^${since}`))).toBeTruthy();
  });

  test("a pull that failed says of each error what it concerns", async () => {
    const errors = [
      { entity: null, code: "SHOPIFY_REQUEST_REFUSED", message: "No subscription." },
      { entity: "draft_orders", code: "SHOPIFY_EXPORT_FAILED", message: "No file came." },
    ];
    open({}, { state: "failed", errors });
    const items = within(await screen.findByTestId("pull-errors")).getAllByRole("listitem");
    expect(items.map(({ textContent }) => textContent)).toEqual([
      "No subscription. SHOPIFY_REQUEST_REFUSED",
      "draft orders: No file came. SHOPIFY_EXPORT_FAILED",
    ]);
  });
});

describe("text from outside", () => {
  test("a shop may be typed short, whole or pasted", () => {
    for (const typed of ["fernwood", " Fernwood.myshopify.com ", "https://fernwood.myshopify.com/admin?x=1"]) {
      expect(shopDomain(typed)).toBe("fernwood.myshopify.com");
    }
  });

  test.each(["", "evil.com/.myshopify.com", "a.b.myshopify.com", "fern wood", "fernwооd", "x.com"])(
    "%j is not a shop",
    (typed) => expect(shopDomain(typed)).toBeNull(),
  );

  test("an error code from the URL chooses a text and is never one", () => {
    expect(connectErrorText("SHOPIFY_AUTH_FAILED")).toContain("verified");
    expect(connectErrorText("<b>Call 555</b>")).toBe("The shop could not be connected. Try again.");
    expect(connectErrorText("constructor")).toBe("The shop could not be connected. Try again.");
    expect(asRequestId("call 555 now")).toBeNull();
  });
});
