/** Until when a deletion can be stopped, and how: after asking for it, and at the next sign-in. */

import { cleanup, fireEvent, screen, within } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";

import { LoginForm } from "../login/LoginForm";
import { openPage } from "../testPage";
import { DeletionPage } from "./DeletionPage";
import { deadlineInWords, rememberDeletion } from "./scheduled";

const DOMAIN = "fernwood.myshopify.com";
const DUE = "2026-12-02T10:00:00Z";

afterEach(() => {
  cleanup();
  sessionStorage.clear();
});

describe("after a deletion was asked for", () => {
  test("the page says when it happens and how to stop it", async () => {
    rememberDeletion({ shopDomain: DOMAIN, dueAt: DUE });
    openPage(<DeletionPage />, {});
    const text = (await screen.findByTestId("deletion-scheduled")).textContent;
    expect(text).toContain(`${DOMAIN} is disconnected`);
    expect(text).toContain(`will be deleted on ${deadlineInWords(DUE)}.`);
    const again = screen.getByRole("link", { name: "Connect again" });
    expect(again.getAttribute("href")).toBe(`/connect?shop=${DOMAIN}`);
  });

  test.each([["nothing", null], ["nonsense", "{"], ["no date", '{"shopDomain":"x","dueAt":"soon"}']])(
    "with %s remembered it claims no date",
    async (_, stored) => {
      if (stored) sessionStorage.setItem("scheduled-deletion", stored);
      openPage(<DeletionPage />, {});
      const text = (await screen.findByTestId("deletion-scheduled")).textContent;
      expect(text).toContain("The data will be deleted after a grace period.");
      expect(screen.getByRole("link", { name: "Connect again" }).getAttribute("href")).toBe("/connect");
    },
  );

  test("a deadline names its day, its minute and its zone", () => {
    expect(deadlineInWords(DUE)).toMatch(/^December [1-3], 2026 at \d\d:\d\d \S+/);
  });
});

describe("signing in to a shop that is to be deleted", () => {
  async function signIn(details: unknown) {
    const error = { code: "TENANT_ERASURE_SCHEDULED", message: "In plain words.", details, retryable: false };
    const body = { error, requestId: "r", timestamp: DUE };
    openPage(<LoginForm onSignedIn={vi.fn()} />, { "/api/auth/login": Response.json(body, { status: 403 }) });
    fireEvent.submit(await screen.findByTestId("login-form"));
    return within(await screen.findByRole("alert"));
  }

  test("the refusal says until when it can be kept, and leads there", async () => {
    const alert = await signIn({ shopDomain: DOMAIN, dueAt: DUE, canBeKept: true });
    expect(screen.getByRole("alert").textContent).toContain(
      `The data of ${DOMAIN} will be deleted on ${deadlineInWords(DUE)}.`,
    );
    const again = alert.getByRole("link", { name: "Connect again" });
    expect(again.getAttribute("href")).toBe(`/connect?shop=${DOMAIN}`);
  });

  test("once it has begun nothing is promised", async () => {
    const alert = await signIn({ shopDomain: DOMAIN, dueAt: DUE, canBeKept: false });
    expect(screen.getByRole("alert").textContent).toContain("is being deleted and cannot be kept");
    expect(alert.queryByRole("link")).toBeNull();
  });

  test("without details the server's own words are shown", async () => {
    await signIn(null);
    expect(screen.getByRole("alert").textContent).toBe("In plain words.");
  });
});
