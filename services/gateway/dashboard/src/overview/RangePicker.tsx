/** Presets as links, so that the URL holds the range and back works; two date fields for anything else. */

import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useId, useState } from "react";

import { Button } from "../ui/Button";
import { DEFAULT_PRESET, PRESETS, type Choice, type Preset } from "./ranges";

const NAMES: Record<Preset, { long: string; short: string }> = {
  "30d": { long: "30 days", short: "30d" },
  "90d": { long: "90 days", short: "90d" },
  "12m": { long: "12 months", short: "12m" },
  all: { long: "All time", short: "All" },
};

const SEGMENT =
  "flex h-11 flex-1 items-center justify-center whitespace-nowrap rounded-sm px-3 text-sm quiet-fade sm:h-8 sm:flex-none";
const CHOSEN = "bg-surface font-medium text-ink shadow-[0_0_0_1px_var(--control)]";
const OTHER = "text-ink-2 hover:text-ink";

type Shown = { from: string | null; to: string | null };

export function RangePicker({ choice, shown }: { choice: Choice; shown: Shown }) {
  const custom = choice.kind === "custom";
  const [open, setOpen] = useState(custom);
  const editing = open || custom;
  return (
    <div className="flex w-full flex-col gap-3 sm:w-auto sm:items-end">
      <div
        aria-label="Range"
        className="flex w-full gap-1 rounded-md bg-surface-2 p-1 sm:w-auto"
        role="group"
      >
        {PRESETS.map((preset) => {
          const chosen = !editing && choice.kind === "preset" && choice.preset === preset;
          return (
            <Link
              aria-current={chosen ? "true" : undefined}
              aria-label={NAMES[preset].long}
              className={`${SEGMENT} ${chosen ? CHOSEN : OTHER}`}
              data-testid={`range-${preset}`}
              key={preset}
              onClick={() => setOpen(false)}
              resetScroll={false}
              search={preset === DEFAULT_PRESET ? {} : { range: preset }}
              to="/"
            >
              <span className="sm:hidden">{NAMES[preset].short}</span>
              <span className="hidden sm:inline">{NAMES[preset].long}</span>
            </Link>
          );
        })}
        <button
          aria-expanded={editing}
          className={`${SEGMENT} ${editing ? CHOSEN : OTHER}`}
          data-testid="range-custom"
          onClick={() => setOpen(!open)}
          type="button"
        >
          Custom
        </button>
      </div>
      {editing && <CustomRange key={`${shown.from}:${shown.to}`} shown={shown} />}
    </div>
  );
}

const DATE_FIELD =
  "h-11 w-full min-w-0 rounded-md border border-control bg-surface px-2.5 text-ink figures sm:h-9 sm:w-40";

function CustomRange({ shown }: { shown: Shown }) {
  const id = useId();
  const navigate = useNavigate();
  const [from, setFrom] = useState(shown.from ?? "");
  const [to, setTo] = useState(shown.to ?? "");
  const backwards = from !== "" && to !== "" && from > to;

  const apply = (event: FormEvent) => {
    event.preventDefault();
    if (backwards || (from === "" && to === "")) return;
    void navigate({
      to: "/",
      search: { ...(from && { from }), ...(to && { to }) },
      resetScroll: false,
    });
  };

  return (
    <form className="flex w-full flex-wrap items-end gap-2 sm:w-auto" onSubmit={apply}>
      <label className="min-w-0 flex-1 space-y-1 sm:flex-none" htmlFor={`${id}-from`}>
        <span className="block text-xs text-ink-2">From</span>
        <input
          aria-describedby={backwards ? `${id}-error` : undefined}
          aria-invalid={backwards || undefined}
          className={DATE_FIELD}
          data-testid="range-from"
          id={`${id}-from`}
          onChange={(event) => setFrom(event.target.value)}
          type="date"
          value={from}
        />
      </label>
      <label className="min-w-0 flex-1 space-y-1 sm:flex-none" htmlFor={`${id}-to`}>
        <span className="block text-xs text-ink-2">To</span>
        <input
          className={DATE_FIELD}
          data-testid="range-to"
          id={`${id}-to`}
          onChange={(event) => setTo(event.target.value)}
          type="date"
          value={to}
        />
      </label>
      <Button disabled={backwards} type="submit">
        Apply
      </Button>
      {backwards && (
        <p className="w-full text-sm text-bad" id={`${id}-error`} role="alert">
          The range starts after it ends.
        </p>
      )}
    </form>
  );
}
