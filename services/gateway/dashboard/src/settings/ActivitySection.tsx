/** The audit log: who became the owner, and when the shop was connected. For its owner. */

import { useInfiniteQuery } from "@tanstack/react-query";

import { dayOf, inWords, minuteOf } from "../activity/words";
import { auditLogQuery } from "../api/queries";
import type { AuditEntry } from "../api/recovery";
import { Button } from "../ui/Button";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { Loading, SettingsSection } from "./SettingsSection";

export function ActivitySection({ zone }: { zone: string | null }) {
  const { data, error, refetch, isFetching, ...more } = useInfiniteQuery(auditLogQuery);
  const failure = error && { error, onRetry: () => void refetch(), retrying: isFetching };
  return (
    <SettingsSection
      about="Changes of the ownership and connections of the shop. If you do not recognize one, check in Shopify who can manage your store."
      testId="activity"
      title="Activity"
    >
      {data && failure && <StaleNotice {...failure} what="The activity" />}
      {data ? (
        <>
          <Entries entries={data.pages.flat()} zone={zone} />
          {more.hasNextPage && (
            <div className="border-t border-line p-4 sm:px-5">
              <Button disabled={more.isFetchingNextPage} onClick={() => void more.fetchNextPage()}>
                {more.isFetchingNextPage ? "Loading…" : "Show older"}
              </Button>
            </div>
          )}
        </>
      ) : failure ? (
        <SectionError {...failure} what="The activity" />
      ) : (
        <Loading what="the activity" />
      )}
    </SettingsSection>
  );
}

function Entries({ entries, zone }: { entries: AuditEntry[]; zone: string | null }) {
  if (entries.length === 0) return <p className="p-4 text-ink-2 sm:p-5">Nothing has happened yet.</p>;
  return (
    <ul aria-label="Activity, latest first" className="divide-y divide-line">
      {entries.map((entry) => (
        <li className="px-4 py-2.5 sm:px-5" key={entry.id}>
          <p className="break-words">{inWords(entry)}</p>
          <p className="figures text-sm text-ink-2">
            {dayOf(entry, zone)}, {minuteOf(entry, zone)}
          </p>
        </li>
      ))}
    </ul>
  );
}
