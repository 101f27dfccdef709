/** What else of the shop is kept, and what the shop gave no access to. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { PullStatus } from "../api/client";
import { ingestionQuery } from "../api/queries";
import { formatCount } from "../format/numbers";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { Check, Warning } from "../ui/icons";
import { Loading, SettingsSection } from "./SettingsSection";

type Entity = PullStatus["furtherEntities"][number];

export function FurtherEntitiesSection() {
  const { data, error, refetch, isFetching } = useQuery(ingestionQuery);
  const failure = error && { error, onRetry: () => void refetch(), retrying: isFetching };
  return (
    <SettingsSection
      about="What a shop holds beside customers, orders and products comes in after the sales and is kept current too."
      testId="further-entities"
      title="Also kept"
    >
      {data && failure && <StaleNotice {...failure} what="The list" />}
      {data ? (
        <Entities entities={data.pull?.furtherEntities ?? []} />
      ) : failure ? (
        <SectionError {...failure} what="The list" />
      ) : (
        <Loading what="the list" />
      )}
    </SettingsSection>
  );
}

function Entities({ entities }: { entities: readonly Entity[] }) {
  if (entities.length === 0) {
    return <p className="p-4 text-ink-2 sm:p-5">Nothing yet. It is read with the next pull of the whole history.</p>;
  }
  return (
    <>
      <ul className="py-2">
        {entities.map((entity) => (
          <Row entity={entity} key={entity.entity} />
        ))}
      </ul>
      {entities.some(({ state }) => state === "skipped") && (
        <p className="border-t border-line p-4 text-sm text-ink-2 sm:px-5">
          The shop gave no access to some of these.{" "}
          <Link className="font-medium text-ink underline underline-offset-2" to="/connect">
            Connect the shop again
          </Link>{" "}
          to allow it.
        </p>
      )}
    </>
  );
}

const STATES: Record<Entity["state"], string> = {
  waiting: "Waiting",
  exporting: "Shopify is preparing the data",
  importing: "Importing",
  done: "Read",
  failed: "Failed; read again with the next pull",
  skipped: "No access",
};

function Row({ entity: { entity, state, records } }: { entity: Entity }) {
  return (
    <li className="flex items-baseline justify-between gap-4 px-4 py-2 sm:px-5" data-state={state}>
      <span className="capitalize">{entity.replaceAll("_", " ")}</span>
      <span
        className={`figures flex items-center gap-1.5 text-right text-sm ${state === "failed" ? "text-bad" : "text-ink-2"}`}
      >
        {state === "done" && <Check className="size-3.5 text-good" />}
        {state === "failed" && <Warning className="size-3.5" />}
        {STATES[state]}
        {state === "done" && ` ${formatCount(records)}`}
      </span>
    </li>
  );
}
