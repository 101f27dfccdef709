/** What went wrong, in one shape, whether the gateway answered in its error shape or not at all. */

import type { components } from "./schema";

type ErrorBody = components["schemas"]["ErrorResponse"];

export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly requestId: string | null;
  readonly retryable: boolean;
  /** What the code's row in docs/errors.md says of them. */
  readonly details: unknown;
  /** Seconds to wait, where the gateway said so. */
  readonly retryAfter: number | null;

  constructor(fields: {
    code: string;
    message: string;
    status: number;
    requestId?: string | null;
    retryable: boolean;
    details?: unknown;
    retryAfter?: number | null;
  }) {
    super(fields.message);
    this.name = "ApiError";
    this.code = fields.code;
    this.status = fields.status;
    this.requestId = fields.requestId ?? null;
    this.retryable = fields.retryable;
    this.details = fields.details ?? null;
    this.retryAfter = fields.retryAfter ?? null;
  }
}

function isErrorBody(body: unknown): body is ErrorBody {
  if (typeof body !== "object" || body === null || !("error" in body)) return false;
  const { error } = body;
  return typeof error === "object" && error !== null && "code" in error && "message" in error;
}

export function errorFromAnswer(body: unknown, response: Response): ApiError {
  const status = response.status;
  if (isErrorBody(body)) {
    const { code, message, retryable, details } = body.error;
    const retryAfter = Number(response.headers.get("Retry-After")) || null;
    return new ApiError({ code, message, status, requestId: body.requestId, retryable: !!retryable, details, retryAfter });
  }
  return new ApiError({
    code: "UNEXPECTED_ANSWER",
    message: `Tillstream answered with status ${status}.`,
    status,
    requestId: response.headers.get("X-Request-Id"),
    retryable: status >= 500,
  });
}

export function errorFromFailure(failure: unknown): ApiError {
  if (failure instanceof ApiError) return failure;
  const timedOut = failure instanceof DOMException && failure.name === "TimeoutError";
  return new ApiError({
    code: timedOut ? "NO_ANSWER" : "NETWORK_UNREACHABLE",
    message: timedOut
      ? "Tillstream took too long to answer."
      : "Tillstream cannot be reached. Check your connection.",
    status: 0,
    retryable: true,
  });
}
