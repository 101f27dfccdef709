/** Progress of the first pull, and what it came to. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { CurrentTenant } from "../api/client";
import { ApiError } from "../api/errors";
import { tenantQuery } from "../api/queries";
import { formatDay } from "../format/dates";
import { useLive } from "../live/useLive";
import { EntryFrame } from "../shell/EntryFrame";
import { OfflineBanner } from "../shell/OfflineBanner";
import { buttonStyles } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { PullErrors } from "../ui/PullErrors";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { ArrowRight } from "../ui/icons";
import { PullProgress } from "./PullProgress";
import { Steps } from "./Steps";

/** `rest`: the sales are in, and what else the shop holds is being read. */
type State = "running" | "rest" | "succeeded" | "failed" | "mismatch";

export function FirstPull() {
  const live = useLive();
  // useLive asks every 2 s while a pull runs; a pull that has not been queued yet needs the same.
  const { data: tenant, error, refetch, isFetching } = useQuery({
    ...tenantQuery,
    refetchInterval: ({ state: { data } }) => (data?.pull ? false : 2_000),
  });
  const retry = () => void refetch();
  if (!tenant) {
    return (
      <EntryFrame wide>
        <Steps current="import" />
        {error ? (
          <SectionError error={error} onRetry={retry} retrying={isFetching} what="The import's progress" />
        ) : (
          <PullProgress pull={null} />
        )}
      </EntryFrame>
    );
  }
  const state = stateOf(tenant);
  return (
    <EntryFrame wide>
      <Steps current="import" done={isIn(state)} />
      <Heading state={state} tenant={tenant} />
      <div className="[&_p]:mb-5 [&_p]:rounded-md [&_p]:border">
        <OfflineBanner live={live} what="Progress" />
      </div>
      {error && !isUnreachable(error) && (
        <div className="mb-5">
          <StaleNotice error={error} onRetry={retry} what="Progress" />
        </div>
      )}
      <PullProgress pull={tenant.pull} />
      <Outcome state={state} tenant={tenant} />
    </EntryFrame>
  );
}

/** The banner says so already. */
function isUnreachable(error: Error): boolean {
  return error instanceof ApiError && error.status === 0;
}

function stateOf({ pull }: CurrentTenant): State {
  if (!pull || pull.state === "queued") return "running";
  if (pull.state !== "running") return pull.state;
  const { entities } = pull;
  return entities.length > 0 && entities.every(({ state }) => state === "done") ? "rest" : "running";
}

function isIn(state: State): boolean {
  return state === "succeeded" || state === "rest";
}

const TITLES: Record<State, (shop: string) => string> = {
  running: (shop) => `Importing ${shop}`,
  rest: (shop) => `${shop} is ready`,
  succeeded: (shop) => `${shop} is ready`,
  failed: (shop) => `The import of ${shop} stopped`,
  mismatch: (shop) => `${shop} is in, with differences`,
};

function Heading({ state, tenant }: { state: State; tenant: CurrentTenant }) {
  const since = tenant.historySince && ` since ${formatDay(tenant.historySince)}`;
  return (
    <>
      <h1 className="text-xl font-semibold tracking-[-0.01em]">
        {TITLES[state](tenant.name ?? tenant.shopDomain)}
      </h1>
      <p className="mt-1 mb-6 text-ink-2">
        {state === "running" && "You can close this tab: the import goes on without it."}
        {state === "rest" &&
          `All sales${since ?? ""} are in, and new orders arrive within seconds. What else the shop holds is still being read.`}
        {state === "succeeded" &&
          `${since ? `Orders${since} are` : "The whole history is"} in, and new orders arrive within seconds.`}
        {state === "failed" && "What came in before is kept, and new orders still arrive."}
        {state === "mismatch" && "Everything Shopify sent is in, but the counts do not agree yet."}
      </p>
    </>
  );
}

function Outcome({ state, tenant }: { state: State; tenant: CurrentTenant }) {
  return (
    <div className="mt-6 space-y-5">
      {tenant.status !== "active" && (
        <Notice look="bad" role="alert">
          {tenant.status === "disconnected"
            ? "This shop is disconnected. "
            : "Shopify no longer gives us access to this shop. "}
          <ConnectAgain />
        </Notice>
      )}
      {(state === "failed" || state === "mismatch") && (
        <Notice look={state === "failed" ? "bad" : "warn"} role="alert" testId="pull-errors">
          <PullErrors className="space-y-1" errors={tenant.pull?.errors ?? []} />
          {tenant.pull?.errors.length === 0 && <p>No reason was given.</p>}
          <p className="mt-1">
            <ConnectAgain /> to start the import again.
          </p>
        </Notice>
      )}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Link
          className={isIn(state) ? buttonStyles.primary : buttonStyles.secondary}
          data-testid="open-overview"
          search={{}}
          to="/"
        >
          Open the overview
          <ArrowRight />
        </Link>
        {!isIn(state) && (
          <span className="text-sm text-ink-2">Figures are partial until the import is complete.</span>
        )}
      </div>
    </div>
  );
}

function ConnectAgain() {
  return (
    <Link className="font-medium underline underline-offset-2" to="/connect">
      Connect the shop again
    </Link>
  );
}
