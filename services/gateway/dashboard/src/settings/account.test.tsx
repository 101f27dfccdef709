/** The account says what it needs, keeps the person signed in, and ends what they do not know. */

import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { keys } from "../api/queries";
import { type Answers, failure, openPage } from "../testPage";
import { AccountSection } from "./AccountSection";
import { SessionsSection } from "./SessionsSection";

const session = {
  user: { id: "u", username: "ada" },
  tenant: { id: "t1", shopDomain: "fernwood.myshopify.com", role: "owner" },
  expiresAt: "2026-11-25T10:00:00Z",
};
const current = {
  id: "s1",
  isCurrent: true,
  device: "Firefox on Windows",
  network: "198.51.100.0/24",
  createdAt: "2026-11-24T10:00:00Z",
  lastSeenAt: "2026-11-24T12:00:00Z",
  expiresAt: "2026-11-25T10:00:00Z",
};
const phone = { ...current, id: "s2", isCurrent: false, device: "Safari on iPhone", network: "unknown" };
const tablet = { ...phone, id: "s3", device: "Safari on iPad" };

let answers: Answers;

beforeEach(() => {
  answers = { "/api/auth/sessions": { sessions: [current, phone, tablet] } };
});

afterEach(cleanup);

function open() {
  const page = (
    <>
      <AccountSection username="ada" />
      <SessionsSection zone="Europe/London" />
    </>
  );
  const { fetch, queryClient } = openPage(page, answers);
  const sent = (method: string) =>
    Promise.all(
      fetch.mock.calls
        .map(([input]) => input as Request)
        .filter((request) => request.method === method)
        .map(async (request) => ({
          path: new URL(request.url).pathname,
          body: await request
            .clone()
            .json()
            .catch(() => null),
        })),
    );
  return { queryClient, sent };
}

async function fill(current: string, next: string, confirmation = next) {
  const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
  await screen.findByLabelText("Current password");
  type("Current password", current);
  type("New password", next);
  type("Confirm new password", confirmation);
  fireEvent.submit(screen.getByTestId("password-form"));
}

describe("changing the password", () => {
  test("both passwords are sent, the new session is kept, and the fields are empty again", async () => {
    answers["POST /api/auth/password"] = session;
    const { queryClient, sent } = open();
    await fill("the old words", "four new green words");
    expect((await screen.findByTestId("password-changed")).textContent).toContain("other sessions have ended");
    expect(await sent("POST")).toEqual([
      {
        path: "/api/auth/password",
        body: { currentPassword: "the old words", newPassword: "four new green words" },
      },
    ]);
    expect(queryClient.getQueryData(keys.session)).toEqual(session);
    expect(screen.getByLabelText<HTMLInputElement>("New password").value).toBe("");
  });

  test("what can be seen here is said before anything is sent", async () => {
    const { sent } = open();
    await fill("", "short", "short");
    expect(screen.getByText("Enter your current password.")).toBeTruthy();
    expect(screen.getByText("Use at least 8 characters.")).toBeTruthy();
    await fill("the old words", "four new green words", "five");
    expect(screen.getByText("The two passwords differ.")).toBeTruthy();
    expect(await sent("POST")).toEqual([]);
  });

  test.each([
    ["PASSWORD_CONFIRMATION_FAILED", 403, "Current password"],
    ["PASSWORD_REFUSED", 400, "New password"],
  ])("%s is shown at its field, and nobody is signed out", async (code, status, label) => {
    answers["POST /api/auth/password"] = failure(status, "r1", code);
    const { queryClient } = open();
    await fill("the old words", "four new green words");
    await waitFor(() => expect(screen.getByLabelText(label).getAttribute("aria-invalid")).toBe("true"));
    expect(screen.getByText("Not now.")).toBeTruthy();
    expect(queryClient.getQueryData(keys.session)).not.toBeNull();
  });

  test("a password manager finds the name that the password belongs to", async () => {
    open();
    const form = await screen.findByTestId("password-form");
    const name = form.querySelector<HTMLInputElement>("input[autocomplete=username]");
    expect(name?.value).toBe("ada");
  });
});

describe("sessions", () => {
  test("each says device, place and time, and this one cannot be ended here", async () => {
    open();
    const rows = await screen.findAllByTestId("session");
    expect(rows[0]?.textContent).toContain("Firefox on WindowsThis browser");
    expect(rows[0]?.textContent).toContain("from network 198.51.100.0/24. In use now.");
    expect(rows[1]?.textContent).toContain("Safari on iPhoneSigned in Nov 24, 10:00. Last used Nov 24, 12:00.");
    expect(rows.map((row) => within(row).queryAllByRole("button").length)).toEqual([0, 1, 1]);
  });

  test("one is ended and the list is asked for again", async () => {
    answers["DELETE /api/auth/sessions/s2"] = new Response(null, { status: 204 });
    const { sent } = open();
    const button = await screen.findByRole("button", { name: /Safari on iPhone/ });
    answers["/api/auth/sessions"] = { sessions: [current, tablet] };
    fireEvent.click(button);
    expect(await screen.findByText("The session has ended.")).toBeTruthy();
    await waitFor(() => expect(screen.getAllByTestId("session").length).toBe(2));
    expect((await sent("DELETE")).map(({ path }) => path)).toEqual(["/api/auth/sessions/s2"]);
  });

  test("all others are ended after a question", async () => {
    answers["DELETE /api/auth/sessions"] = { ended: 2 };
    const { sent } = open();
    fireEvent.click(await screen.findByRole("button", { name: "End all other sessions" }));
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("The 2 other browsers are signed out at once.");
    expect(await sent("DELETE")).toEqual([]);
    answers["/api/auth/sessions"] = { sessions: [current] };
    fireEvent.click(within(dialog).getByRole("button", { name: "End sessions" }));
    expect(await screen.findByText("2 sessions have ended.")).toBeTruthy();
    await waitFor(() => expect(screen.queryByRole("button", { name: "End all other sessions" })).toBeNull());
  });

  test("who is signed in here alone is told so", async () => {
    answers["/api/auth/sessions"] = { sessions: [current] };
    open();
    expect(await screen.findByText("You are signed in nowhere else.")).toBeTruthy();
  });

  test("a list that cannot be read costs its own section, and a retry brings it", async () => {
    const listed = answers["/api/auth/sessions"];
    answers["/api/auth/sessions"] = failure(503, "r-sessions");
    open();
    expect((await screen.findByTestId("error-request-id")).textContent).toBe("r-sessions");
    answers["/api/auth/sessions"] = listed;
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect((await screen.findAllByTestId("session")).length).toBe(3);
  });
});
