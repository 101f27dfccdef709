import { type InputHTMLAttributes, type ReactNode, useId, useState } from "react";

const INPUT =
  "h-11 w-full rounded-md border bg-surface px-3 text-lg text-ink placeholder:text-ink-3 sm:h-10 sm:text-base " +
  "quiet-fade aria-invalid:border-bad";

type Props = InputHTMLAttributes<HTMLInputElement> & {
  label: string;
  hint?: ReactNode;
  error?: string | null;
};

export function Field({ label, hint, error, type = "text", ...rest }: Props) {
  const id = useId();
  const [shown, setShown] = useState(false);
  const secret = type === "password";
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="space-y-1.5">
      <label className="block text-sm font-medium" htmlFor={id}>
        {label}
      </label>
      <div className="relative">
        <input
          {...rest}
          aria-describedby={describedBy || undefined}
          aria-invalid={error ? true : undefined}
          className={`${INPUT} ${error ? "border-bad" : "border-control"} ${secret ? "pr-16" : ""}`}
          id={id}
          type={secret && shown ? "text" : type}
        />
        {secret && (
          <button
            aria-label={shown ? "Hide what is typed" : "Show what is typed"}
            className="absolute inset-y-1 right-1 rounded-sm px-2.5 text-sm text-ink-2 hover:text-ink"
            onClick={() => setShown(!shown)}
            type="button"
          >
            {shown ? "Hide" : "Show"}
          </button>
        )}
      </div>
      {hint && (
        <p className="text-xs text-ink-2" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p className="text-sm text-bad" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}
