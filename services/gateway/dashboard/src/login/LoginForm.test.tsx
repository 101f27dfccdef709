/** The login form says why it refused, and for how long. */

import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";

import { type Answers, openPage } from "../testPage";
import { pauseInWords } from "../ui/usePause";
import { LoginForm } from "./LoginForm";

afterEach(cleanup);

function open(answers: Answers) {
  const onSignedIn = vi.fn();
  const { fetch } = openPage(<LoginForm onSignedIn={onSignedIn} />, answers);
  return { fetch, onSignedIn };
}

async function submit() {
  fireEvent.change(await screen.findByLabelText("User name"), { target: { value: "ada" } });
  fireEvent.change(screen.getByLabelText("Password"), { target: { value: "a guess" } });
  fireEvent.submit(screen.getByTestId("login-form"));
}

const limited = (seconds: number) => {
  const error = { code: "RATE_LIMITED", message: "Too many attempts. Try again soon.", retryable: true };
  const body = { error, requestId: "r", timestamp: "2026-11-24T10:00:00Z" };
  return Response.json(body, { status: 429, headers: { "Retry-After": String(seconds) } });
};

test("during a pause nothing is sent, and the button says how long it takes", async () => {
  const { fetch } = open({ "POST /api/auth/login": limited(90) });
  await submit();
  const button = await screen.findByRole<HTMLButtonElement>("button", { name: /^Try again in 1:(30|29)$/ });
  expect(button.disabled).toBe(true);
  expect(screen.getByRole("alert").textContent).toContain("Too many attempts.");
  fireEvent.submit(screen.getByTestId("login-form"));
  expect(fetch.mock.calls.length).toBe(1);
});

test("after the pause the form can be sent again, and the refusal is gone", async () => {
  const answers: Answers = { "POST /api/auth/login": limited(1) };
  const { onSignedIn } = open(answers);
  await submit();
  await screen.findByRole("button", { name: "Try again in 0:01" });
  const button = await screen.findByRole<HTMLButtonElement>("button", { name: "Sign in" }, { timeout: 5_000 });
  expect(button.disabled).toBe(false);
  expect(screen.queryByRole("alert")).toBeNull();
  answers["POST /api/auth/login"] = { user: { id: "u", username: "ada" } };
  fireEvent.submit(screen.getByTestId("login-form"));
  await waitFor(() => expect(onSignedIn).toHaveBeenCalledOnce());
});

test("a pause is told in minutes and seconds", () => {
  expect([1, 59, 60, 125, 900].map(pauseInWords)).toEqual([
    "Try again in 0:01",
    "Try again in 0:59",
    "Try again in 1:00",
    "Try again in 2:05",
    "Try again in 15:00",
  ]);
});
