/** One section failed; the rest of the page lives on. */

import { ApiError } from "../api/errors";
import { Button } from "./Button";
import { Notice } from "./Notice";
import { RequestId } from "./RequestId";
import { Warning } from "./icons";

type Props = { what: string; error: Error; onRetry: () => void; retrying?: boolean };

export function SectionError({ what, error, onRetry, retrying }: Props) {
  return (
    <div
      className="flex flex-col items-center justify-center gap-3 px-4 py-10 text-center [&_p]:justify-center"
      role="alert"
    >
      <Warning className="size-5 text-bad" />
      <div className="max-w-md space-y-1">
        <p className="font-medium">{what} could not be loaded</p>
        <p className="text-sm text-ink-2">{error.message}</p>
      </div>
      <Button disabled={retrying} onClick={onRetry}>
        {retrying ? "Trying…" : "Try again"}
      </Button>
      {error instanceof ApiError && <RequestId id={error.requestId} />}
    </div>
  );
}

/** The figures on screen are still true for their time; only asking again failed. */
export function StaleNotice({ what, error, onRetry }: Props) {
  return (
    <Notice look="warn" role="status">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span>
          {what} could not be refreshed. You see the last figures that arrived.
        </span>
        <button
          className="min-h-6 font-medium underline underline-offset-2"
          onClick={onRetry}
          type="button"
        >
          Try again
        </button>
        {error instanceof ApiError && <RequestId id={error.requestId} />}
      </div>
    </Notice>
  );
}
