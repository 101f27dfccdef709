/** The proof that nothing is missing: our counts beside Shopify's. */

import { useQuery } from "@tanstack/react-query";

import { ingestionQuery } from "../api/queries";
import type { Proof, ProvenEntity } from "../api/settings";
import { formatInstant } from "../format/dates";
import { formatCount } from "../format/numbers";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { Check, Warning } from "../ui/icons";
import { Loading, SettingsSection } from "./SettingsSection";

export function ProofSection({ zone }: { zone: string | null }) {
  const { data, error, refetch, isFetching } = useQuery(ingestionQuery);
  const failure = error && { error, onRetry: () => void refetch(), retrying: isFetching };
  return (
    <SettingsSection
      about="Once a day our counts are compared with Shopify's, and what is missing is read again."
      testId="proof"
      title="Completeness"
    >
      {data && failure && <StaleNotice {...failure} what="The comparison" />}
      {data ? (
        <Outcome proof={data.proof} zone={zone} />
      ) : failure ? (
        <SectionError {...failure} what="The comparison" />
      ) : (
        <Loading what="the comparison" />
      )}
    </SettingsSection>
  );
}

/** The counts are those after the repair: while they differ, something is missing or too much. */
function differs({ ours, shopify }: ProvenEntity): boolean {
  return ours !== shopify;
}

function Outcome({ proof, zone }: { proof: Proof | null; zone: string | null }) {
  if (proof === null) {
    return (
      <p className="p-4 text-ink-2 sm:p-5">
        Nothing was compared yet. The import ends with the first comparison; the first pull of each UTC day
        and the weekly pull of everything compare again.
      </p>
    );
  }
  const agree = !proof.entities.some(differs);
  return (
    <>
      <p className="flex items-center gap-2 p-4 pb-2 sm:px-5" data-testid="proof-verdict">
        {agree ? <Check className="size-4 text-good" /> : <Warning className="size-4 text-warn" />}
        <span>
          <span className="font-medium">
            {agree ? "Nothing is missing." : "The counts differ; the first pull after an hour compares again."}
          </span>{" "}
          <span className="text-ink-2">Compared {formatInstant(proof.checkedAt, zone)}.</span>
        </span>
      </p>
      <table className="figures mb-2 w-full border-collapse">
        <thead className="text-xs text-ink-2">
          <tr>
            <th className="py-2 pr-2 pl-4 text-left font-medium sm:pl-5" scope="col">
              <span className="sr-only">Records</span>
            </th>
            {["Here", "Shopify", "Drift", "Repaired"].map((name) => (
              <th className="px-2 py-2 text-right font-medium last:pr-4 sm:px-3 sm:last:pr-5" key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {proof.entities.map((entity) => (
            <Row entity={entity} key={entity.entity} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Row({ entity }: { entity: ProvenEntity }) {
  const { entity: name, ours, shopify, drift, repaired } = entity;
  return (
    <tr className="border-t border-line">
      <th className="py-2.5 pr-2 pl-4 text-left font-medium capitalize sm:pl-5" scope="row">
        {name.replaceAll("_", " ")}
      </th>
      {[ours, shopify, drift, repaired].map((count, column) => (
        <td
          className={`px-2 text-right last:pr-4 sm:px-3 sm:last:pr-5 ${
            column === 2 && differs(entity) ? "font-medium text-warn" : "text-ink-2"
          }`}
          key={column}
        >
          {formatCount(count)}
        </td>
      ))}
    </tr>
  );
}
