/** The id support asks for, with a way to copy it. */

import { useState } from "react";

import { Check, Copy } from "./icons";

export function RequestId({ id }: { id: string | null }) {
  const [copied, setCopied] = useState(false);
  if (!id) return null;
  const copy = async () => {
    await navigator.clipboard?.writeText(id);
    setCopied(true);
  };
  return (
    <p className="flex flex-wrap items-center gap-x-1.5 text-xs text-ink-2">
      Request
      <span className="inline-flex min-w-0 items-center gap-1.5">
        <code className="font-mono break-all" data-testid="error-request-id">
          {id}
        </code>
        <button
          aria-label="Copy the request id"
          className="inline-flex size-6 shrink-0 items-center justify-center rounded-sm text-ink-2 quiet-fade hover:text-ink"
          onClick={() => void copy()}
          type="button"
        >
          {copied ? <Check className="size-3.5" /> : <Copy className="size-3.5" />}
        </button>
      </span>
      <span className="sr-only" role="status">
        {copied ? "Copied" : ""}
      </span>
    </p>
  );
}
