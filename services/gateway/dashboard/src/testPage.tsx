/** One page as a browser shows it, with the network's answers by path. For tests only. */

import { QueryClientProvider } from "@tanstack/react-query";
import {
  RouterProvider,
  createMemoryHistory,
  createRootRoute,
  createRouter,
} from "@tanstack/react-router";
import { render } from "@testing-library/react";
import type { ReactElement } from "react";
import { vi } from "vitest";

import { createQueryClient } from "./api/queries";

/** By path, or by method and path: a body, a Response, or what makes one of them of the request's URL. */
export type Answers = Record<string, unknown>;

export function failure(status: number, requestId: string, code = "SERVICE_UNAVAILABLE"): Response {
  const error = { code, message: "Not now.", retryable: false };
  return Response.json({ error, requestId, timestamp: "2026-11-24T10:00:00Z" }, { status });
}

/** Reads `answers` at every request, so that a test may change them; gives back what was asked. */
export function openPage(page: ReactElement, answers: Answers) {
  const fetch = vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const { method, url } = input as Request;
    const asked = new URL(url);
    const found = answers[`${method} ${asked.pathname}`] ?? answers[asked.pathname];
    const answer = typeof found === "function" ? found(asked) : found;
    return answer instanceof Response ? answer.clone() : Response.json(answer);
  });
  const queryClient = createQueryClient();
  const router = createRouter({
    routeTree: createRootRoute({ component: () => page }),
    history: createMemoryHistory({ initialEntries: ["/"] }),
  });
  render(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  return { fetch, queryClient };
}
