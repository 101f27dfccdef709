/** How often the shop is read, which orders count, and a stop for both. */

import { type FormEvent, useId, useState } from "react";

import type { TenantSettings } from "../api/settings";
import { Button } from "../ui/Button";
import { FormError } from "../ui/FormError";
import { intervalInWords, intervalsWith } from "./intervals";
import { useChangeSettings } from "./useSettings";

const SELECT =
  "h-11 w-full rounded-md border border-control bg-surface px-3 text-lg text-ink sm:h-9 sm:w-60 sm:text-base";

export type PlannedSettings = TenantSettings & { pullIntervalMinutes: number };

export function PullSettings({ settings }: { settings: PlannedSettings }) {
  const change = useChangeSettings();
  return (
    <>
      <SettingsForm
        change={change}
        key={`${settings.pullIntervalMinutes}:${settings.includeTestOrders}`}
        settings={settings}
      />
      <Pause paused={settings.paused} />
    </>
  );
}

type FormProps = { settings: PlannedSettings; change: ReturnType<typeof useChangeSettings> };

/** Starts anew from each answer; the change that led to it outlives the form. */
function SettingsForm({ settings, change }: FormProps) {
  const id = useId();
  const [pullIntervalMinutes, setInterval] = useState(settings.pullIntervalMinutes);
  const [includeTestOrders, setIncluded] = useState(settings.includeTestOrders);
  const changed =
    pullIntervalMinutes !== settings.pullIntervalMinutes ||
    includeTestOrders !== settings.includeTestOrders;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({
      ...(pullIntervalMinutes !== settings.pullIntervalMinutes && { pullIntervalMinutes }),
      ...(includeTestOrders !== settings.includeTestOrders && { includeTestOrders }),
    });
  };
  return (
    <form className="space-y-4 p-4 sm:p-5" data-testid="settings-form" onSubmit={submit}>
      <div className="space-y-1.5">
        <label className="block text-sm font-medium" htmlFor={`${id}-interval`}>
          Read what changed
        </label>
        <select
          aria-describedby={`${id}-interval-hint`}
          className={SELECT}
          id={`${id}-interval`}
          onChange={(event) => setInterval(Number(event.target.value))}
          value={pullIntervalMinutes}
        >
          {intervalsWith(settings.pullIntervalMinutes).map((minutes) => (
            <option key={minutes} value={minutes}>
              {intervalInWords(minutes)}
            </option>
          ))}
        </select>
        <p className="text-xs text-ink-2" id={`${id}-interval-hint`}>
          New orders arrive within seconds anyway. These pulls find what was missed.
        </p>
      </div>
      <div>
        <label className="flex min-h-6 items-center gap-2.5">
          <input
            aria-describedby={`${id}-tests-hint`}
            checked={includeTestOrders}
            className="size-[18px] accent-accent"
            onChange={(event) => setIncluded(event.target.checked)}
            type="checkbox"
          />
          Count test orders
        </label>
        <p className="mt-1 text-xs text-ink-2" id={`${id}-tests-hint`}>
          Every figure changes with it, for all who see this shop.
        </p>
      </div>
      <FormError error={change.error} />
      <div className="flex items-center gap-3">
        <Button disabled={!changed || change.isPending} look="primary" type="submit">
          {change.isPending ? "Saving…" : "Save"}
        </Button>
        <p className="text-sm text-good" role="status">
          {change.isSuccess && !changed && "Saved"}
        </p>
      </div>
    </form>
  );
}

function Pause({ paused }: { paused: boolean }) {
  const change = useChangeSettings();
  return (
    <div className="space-y-3 border-t border-line p-4 sm:p-5" data-testid="settings-pause">
      <p className="text-sm text-ink-2">
        {paused
          ? "Scheduled pulls are paused. What was missed is read once they go on."
          : "Pausing stops the scheduled pulls. What is in stays, and nothing is lost: it is read later."}
      </p>
      <FormError error={change.error} />
      <Button disabled={change.isPending} onClick={() => change.mutate({ paused: !paused })}>
        {paused ? "Resume the pulls" : "Pause the pulls"}
      </Button>
    </div>
  );
}
