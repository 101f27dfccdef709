/** What customers asked to see of what is held on them: the file to hand on. Owners only. */

import { useQuery } from "@tanstack/react-query";

import { dataRequestsQuery } from "../api/queries";
import type { DataRequest } from "../api/settings";
import { dayInZone, formatDay } from "../format/dates";
import { buttonStyles } from "../ui/Button";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { Loading, SettingsSection } from "./SettingsSection";

export function DataRequestsSection({ zone }: { zone: string | null }) {
  const { data, error, refetch, isFetching } = useQuery(dataRequestsQuery);
  const failure = error && { error, onRetry: () => void refetch(), retrying: isFetching };
  return (
    <SettingsSection
      about="Customers may ask through Shopify what is held on them. Hand the file on to them."
      testId="data-requests"
      title="Data requests"
    >
      {data && failure && <StaleNotice {...failure} what="The data requests" />}
      {data ? (
        <Requests requests={data} zone={zone} />
      ) : failure ? (
        <SectionError {...failure} what="The data requests" />
      ) : (
        <Loading what="the data requests" />
      )}
    </SettingsSection>
  );
}

function Requests({ requests, zone }: { requests: DataRequest[]; zone: string | null }) {
  if (requests.length === 0) return <p className="p-4 text-ink-2 sm:p-5">No customer has asked.</p>;
  const day = (instant: string) => formatDay(dayInZone(new Date(instant), zone ?? "UTC"));
  return (
    <ul className="divide-y divide-line">
      {requests.map(({ id, customerId, requestedAt, expiresAt, bytes }) => (
        <li className="flex items-center justify-between gap-4 px-4 py-2.5 sm:px-5" key={id}>
          <div className="figures min-w-0">
            <p className="font-medium break-words">Customer {customerId}</p>
            <p className="text-sm text-ink-2">
              Asked {day(requestedAt)}.{" "}
              {bytes === null ? "The file is gone." : `The file is kept until ${day(expiresAt)}.`}
            </p>
          </div>
          {bytes !== null && (
            <a
              aria-label={`Download the file of customer ${customerId}`}
              className={buttonStyles.secondary}
              download
              href={`/api/tenants/current/data-requests/${encodeURIComponent(id)}/file`}
            >
              Download
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}
