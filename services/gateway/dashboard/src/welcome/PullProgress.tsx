/** The first pull, entity by entity. */

import type { PullStatus } from "../api/client";
import { formatCount } from "../format/numbers";
import { Check, Warning } from "../ui/icons";
import { inWords, overallShare, phaseOf, phaseOfAll, share } from "./progress";

type Entity = PullStatus["entities"][number];

const NAMES: Record<Entity["entity"], string> = {
  customers: "Customers",
  orders: "Orders",
  products: "Products",
};

const NOT_STARTED: Entity[] = (["customers", "orders", "products"] as const).map((entity) => ({
  entity,
  state: "waiting",
  done: 0,
  expected: null,
  recordsPerSecond: null,
}));

export function PullProgress({ pull }: { pull: PullStatus | null }) {
  const entities = pull && pull.entities.length > 0 ? pull.entities : NOT_STARTED;
  const overall = overallShare(entities);
  const left = pull?.secondsLeft ?? null;
  const running = pull === null || pull.state === "running" || pull.state === "queued";
  const salesAreIn = entities.every(({ state }) => state === "done");
  return (
    <div>
      {running && !salesAreIn && (
        <p className="figures mb-4 flex flex-wrap justify-between gap-x-4 text-sm" data-testid="progress-overall">
          <span className="text-ink-2">
            {phaseOfAll(entities)}
            {overall !== null && `, ${Math.floor(overall * 100)}% of all records are in`}
          </span>
          <span className={left === null ? "text-ink-3" : "font-medium"} data-testid="progress-left">
            {left === null ? "Time left not known yet" : capitalised(inWords(left))}
          </span>
        </p>
      )}
      <ul className="space-y-4">
        {entities.map((entity) => (
          <EntityRow entity={entity} key={entity.entity} />
        ))}
      </ul>
      {pull && <FurtherEntities entities={pull.furtherEntities} />}
    </div>
  );
}

/** What else a shop holds is many and small: one line tells how far it is. */
function FurtherEntities({ entities }: { entities: PullStatus["furtherEntities"] }) {
  const readable = entities.filter(({ state }) => state !== "skipped");
  if (readable.length === 0) return null;
  const done = readable.filter(({ state }) => state === "done").length;
  const now = readable.find(({ state }) => state === "exporting" || state === "importing");
  return (
    <p className="figures mt-5 flex flex-wrap justify-between gap-x-4 text-sm text-ink-2" data-testid="progress-further">
      <span>
        Beside the sales{now && `: ${now.entity.replaceAll("_", " ")}`}
      </span>
      <span>
        {done} of {readable.length} read
      </span>
    </p>
  );
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
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
            : `${formatCount(done)}${expected === null ? "" : ` of ${formatCount(expected)}`}`}
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
        className={`figures mt-1 flex items-center gap-1 text-xs ${state === "failed" ? "text-bad" : "text-ink-3"}`}
      >
        {state === "done" && <Check className="size-3.5 text-good" />}
        {state === "failed" && <Warning className="size-3.5" />}
        {phaseOf(entity)}
      </p>
    </li>
  );
}
