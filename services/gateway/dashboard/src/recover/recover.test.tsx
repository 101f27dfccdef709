/** The store owner sees what each choice means, and what was refused, before anything changes hands. */

import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { keys } from "../api/queries";
import type { Recovery } from "../api/recovery";
import { type Answers, failure, openPage } from "../testPage";
import { RecoverPage, type RecoverSearch } from "./RecoverPage";
import { recoverErrorText } from "./recoverErrors";

const DOMAIN = "fernwood.myshopify.com";
const PASSWORD = "a long enough password";
const recovery: Recovery = {
  shopDomain: DOMAIN,
  ownerUsername: "ada",
  canReset: true,
  expiresAt: "2026-11-24T10:00:00Z",
};
const session = {
  user: { id: "u", username: "ada" },
  tenant: { id: "t1", shopDomain: DOMAIN, role: "owner" },
  expiresAt: "2026-11-25T10:00:00Z",
};

let answers: Answers;

beforeEach(() => {
  answers = {
    "GET /api/auth/recovery": recovery,
    "POST /api/auth/recovery": () => Response.json(session, { status: 201 }),
  };
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function open(search: RecoverSearch = {}) {
  const { fetch, queryClient } = openPage(<RecoverPage search={search} />, answers);
  const sent = async () => {
    const posts = fetch.mock.calls.map(([input]) => input as Request).filter(({ method }) => method === "POST");
    return Promise.all(posts.map((request) => request.clone().json()));
  };
  return { queryClient, sent };
}

function type(label: string, value: string) {
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
}

function submit(name: string) {
  fireEvent.click(screen.getByRole("button", { name }));
}

describe("before Shopify has confirmed anything", () => {
  beforeEach(() => {
    answers["GET /api/auth/recovery"] = () => failure(404, "r-1", "RECOVERY_NOT_FOUND");
  });

  test("the shop is asked for, and the way leads to Shopify", async () => {
    const assign = vi.fn();
    vi.stubGlobal("location", { ...window.location, origin: window.location.origin, assign });
    open();
    await screen.findByTestId("recover-start");
    type("Shop domain", "https://Fernwood.myshopify.com/admin");
    submit("Confirm with Shopify");
    expect(assign).toHaveBeenCalledWith(`/api/shopify/recover?shop=${DOMAIN}`);
  });

  test("what is no shop goes nowhere", async () => {
    open();
    await screen.findByTestId("recover-start");
    type("Shop domain", "evil.com");
    submit("Confirm with Shopify");
    expect(screen.getByLabelText("Shop domain").getAttribute("aria-invalid")).toBe("true");
  });

  test("whoever is not the store owner is told whom to ask, and nothing of the URL is shown", async () => {
    open({ error: "ACCOUNT_OWNER_REQUIRED", requestId: "r-7" });
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("Only the store owner in Shopify can recover this account");
    expect(alert.textContent).toContain("r-7");
    cleanup();
    open({ error: "<b>call us</b>", requestId: "<script>" });
    expect((await screen.findByRole("alert")).textContent).toBe(recoverErrorText("anything"));
  });

  test.each(["RECOVERY_INVALID", "RECOVERY_USED"])("%s leads back to the start and says why", async (code) => {
    answers["GET /api/auth/recovery"] = () => failure(400, "r-1", code);
    open();
    expect((await screen.findByRole("alert")).textContent).toContain(recoverErrorText(code));
    expect(screen.getByTestId("recover-start")).toBeTruthy();
  });
});

describe("with Shopify's confirmation", () => {
  test("a new password is sent for the owner there is, and signs in", async () => {
    const { queryClient, sent } = open();
    await screen.findByTestId("recover-form");
    expect(screen.queryByLabelText("User name")).toBeNull();
    type("New password", PASSWORD);
    type("Confirm password", PASSWORD);
    submit("Set new password");
    await waitFor(() => expect(queryClient.getQueryData(keys.session)).toEqual(session));
    expect(await sent()).toEqual([{ mode: "reset", password: PASSWORD }]);
  });

  test("a takeover says what becomes of the owner, and sends the new one", async () => {
    const { sent } = open();
    const form = await screen.findByTestId("recover-form");
    fireEvent.click(screen.getByLabelText(/Take ownership with another account/));
    expect(form.textContent).toContain("ada loses access to this shop");
    type("User name", " bea ");
    type("Password", PASSWORD);
    type("Confirm password", PASSWORD);
    submit("Take ownership");
    await waitFor(async () =>
      expect(await sent()).toEqual([{ mode: "takeover", username: "bea", password: PASSWORD }]),
    );
  });

  test("an owner of several shops cannot be reset, and the page says why", async () => {
    answers["GET /api/auth/recovery"] = { ...recovery, canReset: false };
    open();
    const only = await screen.findByTestId("recover-takeover-only");
    expect(only.textContent).toContain("ada also belongs to other shops");
    expect(screen.queryByRole("radio")).toBeNull();
    expect(screen.getByLabelText("User name")).toBeTruthy();
  });

  test("a shop without an owner gets one", async () => {
    answers["GET /api/auth/recovery"] = { ...recovery, ownerUsername: null, canReset: false };
    const { sent } = open();
    await screen.findByRole("heading", { name: "Create your account" });
    type("User name", "bea");
    type("Password", PASSWORD);
    type("Confirm password", PASSWORD);
    submit("Create account");
    await waitFor(async () => expect(await sent()).toHaveLength(1));
  });

  test("what is wrong is said before it is sent", async () => {
    const { sent } = open();
    await screen.findByTestId("recover-form");
    type("New password", "short");
    submit("Set new password");
    expect(screen.getByText("Use at least 8 characters.")).toBeTruthy();
    type("New password", PASSWORD);
    type("Confirm password", "another");
    submit("Set new password");
    expect(screen.getByText("The two passwords differ.")).toBeTruthy();
    expect(await sent()).toEqual([]);
  });

  test("a taken name is said at the field", async () => {
    answers["POST /api/auth/recovery"] = () => failure(409, "r-1", "USERNAME_TAKEN");
    open();
    fireEvent.click(await screen.findByLabelText(/Take ownership with another account/));
    type("User name", "bea");
    type("Password", PASSWORD);
    type("Confirm password", PASSWORD);
    submit("Take ownership");
    await waitFor(() => expect(screen.getByLabelText("User name").getAttribute("aria-invalid")).toBe("true"));
  });

  test("a confirmation that ended meanwhile leads back to Shopify", async () => {
    answers["POST /api/auth/recovery"] = () => failure(409, "r-1", "RECOVERY_USED");
    open();
    await screen.findByTestId("recover-form");
    type("New password", PASSWORD);
    type("Confirm password", PASSWORD);
    submit("Set new password");
    await screen.findByTestId("recover-start");
    expect(screen.getByRole("alert").textContent).toContain(recoverErrorText("RECOVERY_USED"));
  });

  test("an owner who joined another shop meanwhile can only be replaced", async () => {
    answers["POST /api/auth/recovery"] = () => {
      answers["GET /api/auth/recovery"] = { ...recovery, canReset: false };
      return failure(409, "r-1", "RESET_NOT_POSSIBLE");
    };
    open();
    await screen.findByTestId("recover-form");
    type("New password", PASSWORD);
    type("Confirm password", PASSWORD);
    submit("Set new password");
    await screen.findByTestId("recover-takeover-only");
  });
});
