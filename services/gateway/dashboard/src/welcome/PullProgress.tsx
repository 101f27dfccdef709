/** The first pull, entity by entity. */

import { useState } from "react";

import type { PullStatus } from "../api/client";
import { formatCount } from "../format/numbers";
import { Check, Warning } from "../ui/icons";
import { type Sample, inWords, overallShare, secondsLeft, share } from "./progress";

type Entity = PullStatus["entities"][number];

const NAMES: Record<Entity["entity"], string> = {
  customers: "Customers",
  orders: "Orders",
  products: "Products",
};

const STATES: Record<Entity["state"], string> = {
  waiting: "Waiting",
  exporting: "Shopify is preparing the data",
  importing: "Importing",
  done: "Done",
  failed: "Failed",
};

const NOT_STARTED: Entity[] = (["customers", "orders", "products"] as const).map((entity) => ({
  entity,
  state: "waiting",
  done: 0,
  expected: null,
}));

export function PullProgress({ pull }: { pull: PullStatus | null }) {
  const entities = pull && pull.entities.length > 0 ? pull.entities : NOT_STARTED;
  const overall = overallShare(entities);
  const left = useTimeLeft(entities);
  const running = pull === null || pull.state === "running" || pull.state === "queued";
  return (
    <div>
      {running && (
        <p aria-live="polite" className="figures mb-4 flex justify-between text-sm text-ink-2">
          <span>{overall === null ? "Getting ready" : `${Math.floor(overall * 100)}% imported`}</span>
          <span>{left}</span>
        </p>
      )}
      <ul className="space-y-4">
        {entities.map((entity) => (
          <EntityRow entity={entity} key={entity.entity} />
        ))}
      </ul>
    </div>
  );
}

/** A window of samples taken as answers arrive; the first one of a new pull starts it again. */
function useTimeLeft(entities: readonly Entity[]): string {
  const [samples, setSamples] = useState<Sample[]>([]);
  const done = entities.reduce((total, entity) => total + entity.done, 0);
  const total = entities.reduce((sum, entity) => sum + (entity.expected ?? 0), 0);
  const last = samples.at(-1);
  if (last?.done !== done) {
    const kept = last && last.done < done ? samples.slice(-30) : [];
    setSamples([...kept, { at: Date.now(), done }]);
  }
  if (overallShare(entities) === null) return "";
  const seconds = secondsLeft(samples, total);
  return seconds === null ? "" : inWords(seconds);
}

function EntityRow({ entity }: { entity: Entity }) {
  const { state, done, expected } = entity;
  const at = share(entity);
  const moving = at === null && (state === "exporting" || state === "importing");
  const name = NAMES[entity.entity];
  return (
    <li data-state={state} data-testid={`progress-${entity.entity}`}>
      <div className="mb-1.5 flex items-baseline justify-between gap-4">
        <span className="font-medium">{name}</span>
        <span className="figures text-sm text-ink-2">
          {state === "waiting" && done === 0
            ? (expected !== null && `${formatCount(expected)} to come`) || ""
            : `${formatCount(done)}${expected === null ? "" : ` / ${formatCount(expected)}`}`}
        </span>
      </div>
      <div
        aria-label={`${name} imported`}
        aria-valuemax={100}
        aria-valuemin={0}
        aria-valuenow={at === null ? undefined : Math.floor(at * 100)}
        className="h-2 overflow-hidden rounded-full bg-surface-2"
        role="progressbar"
      >
        {moving ? (
          <div className="indeterminate h-full w-1/3 rounded-full bg-accent" />
        ) : (
          <div
            className={`h-full rounded-full transition-[width] duration-500 ${state === "failed" ? "bg-bad" : "bg-accent"}`}
            style={{ width: `${(at ?? 0) * 100}%` }}
          />
        )}
      </div>
      <p
        className={`mt-1 flex items-center gap-1 text-xs ${state === "failed" ? "text-bad" : "text-ink-3"}`}
      >
        {state === "done" && <Check className="size-3.5 text-good" />}
        {state === "failed" && <Warning className="size-3.5" />}
        {STATES[state]}
      </p>
    </li>
  );
}
