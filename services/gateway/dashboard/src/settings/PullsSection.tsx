/** What was read from Shopify, when and with what result; and a way to read it again. */

import { useQuery } from "@tanstack/react-query";

import { pullsQuery } from "../api/queries";
import type { PullRecord } from "../api/settings";
import { formatMinute } from "../format/dates";
import { formatCount } from "../format/numbers";
import { PullErrors } from "../ui/PullErrors";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { Check, Warning } from "../ui/icons";
import { ReadAgain } from "./ReadAgain";
import { Loading, SettingsSection } from "./SettingsSection";
import { tookInWords } from "./durations";

const NAMES: Record<PullRecord["scope"], string> = {
  all: "Whole history",
  changes: "What changed",
  range: "Days asked for",
};

const STATES: Record<PullRecord["state"], string> = {
  queued: "Waiting",
  running: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  mismatch: "Counts differ",
};

export function PullsSection({ zone, canPull }: { zone: string | null; canPull: boolean }) {
  const { data, error, refetch, isFetching } = useQuery(pullsQuery);
  const failure = error && { error, onRetry: () => void refetch(), retrying: isFetching };
  return (
    <SettingsSection
      about="Each pull reads the shop at Shopify and says what came of it. The latest come first."
      testId="pulls"
      title="Pulls"
    >
      {data && failure && <StaleNotice {...failure} what="The pulls" />}
      {data ? (
        <Pulls pulls={data} zone={zone} />
      ) : failure ? (
        <SectionError {...failure} what="The pulls" />
      ) : (
        <Loading what="the pulls" />
      )}
      {canPull && <ReadAgain />}
    </SettingsSection>
  );
}

function Pulls({ pulls, zone }: { pulls: PullRecord[]; zone: string | null }) {
  if (pulls.length === 0) return <p className="p-4 text-ink-2 sm:p-5">Nothing was read yet.</p>;
  return (
    <ul aria-label="The latest pulls" className="max-h-[380px] divide-y divide-line overflow-y-auto" tabIndex={0}>
      {pulls.map((pull) => (
        <Row key={pull.id} pull={pull} zone={zone} />
      ))}
    </ul>
  );
}

function Row({ pull, zone }: { pull: PullRecord; zone: string | null }) {
  const { scope, state, requestedAt, startedAt, finishedAt, recordsProcessed, errors, proof } = pull;
  const records = `${formatCount(recordsProcessed)} ${recordsProcessed === 1 ? "record" : "records"}`;
  const took = startedAt && finishedAt && tookInWords(startedAt, finishedAt);
  const bad = state === "failed" || state === "mismatch";
  return (
    <li className="figures px-4 py-2.5 sm:px-5" data-state={state} data-testid="pull">
      <div className="flex items-baseline justify-between gap-4">
        <span className="font-medium">{NAMES[scope]}</span>
        <span className={`inline-flex items-center gap-1.5 text-sm ${bad ? "text-bad" : "text-ink-2"}`}>
          {state === "succeeded" && <Check className="size-3.5 text-good" />}
          {bad && <Warning className="size-3.5" />}
          {STATES[state]}
        </span>
      </div>
      <p className="text-sm text-ink-2">
        {formatMinute(new Date(startedAt ?? requestedAt), zone)}
        {state !== "queued" && `, ${records}`}
        {took && ` in ${took}`}
      </p>
      {proof && <p className="text-sm text-ink-2">{provenInWords(proof)}</p>}
      {errors.length > 0 && <PullErrors className="mt-1 space-y-0.5 text-sm" errors={errors} />}
    </li>
  );
}

function provenInWords({ compared, differing, repaired }: NonNullable<PullRecord["proof"]>): string {
  const equal = differing === 0 ? `all ${compared} counts equal` : `${differing} of ${compared} counts differ`;
  const records = repaired === 1 ? "1 record" : `${formatCount(repaired)} records`;
  return `Compared with Shopify: ${equal}${repaired ? `, ${records} repaired` : ""}`;
}
