/** Where the user is signed in, and the way to end what they do not know. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { type OwnSession, endOtherSessions, endSession } from "../api/account";
import { keys, ownSessionsQuery } from "../api/queries";
import { formatMinute } from "../format/dates";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { FormError } from "../ui/FormError";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { Loading, SettingsSection } from "./SettingsSection";

export function SessionsSection({ zone }: { zone: string | null }) {
  const { data, error, refetch, isFetching } = useQuery(ownSessionsQuery);
  const failure = error && { error, onRetry: () => void refetch(), retrying: isFetching };
  return (
    <SettingsSection
      about="Where you are signed in. End a session you do not recognize, and change your password."
      testId="sessions"
      title="Sessions"
    >
      {data && failure && <StaleNotice {...failure} what="The sessions" />}
      {data ? (
        <Sessions sessions={data} zone={zone} />
      ) : failure ? (
        <SectionError {...failure} what="The sessions" />
      ) : (
        <Loading what="your sessions" />
      )}
    </SettingsSection>
  );
}

function Sessions({ sessions, zone }: { sessions: OwnSession[]; zone: string | null }) {
  const queryClient = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [said, setSaid] = useState("");
  const settle = { onSettled: () => queryClient.invalidateQueries({ queryKey: keys.ownSessions }) };
  const end = useMutation({
    mutationFn: endSession,
    onSuccess: () => setSaid("The session has ended."),
    ...settle,
  });
  const endOthers = useMutation({
    mutationFn: endOtherSessions,
    onSuccess: (ended) => {
      setSaid(ended === 1 ? "One session has ended." : `${ended} sessions have ended.`);
      setAsking(false);
    },
    ...settle,
  });
  const others = sessions.filter((one) => !one.isCurrent).length;
  return (
    <>
      <ul className="divide-y divide-line">
        {[...sessions].sort((a, b) => Number(b.isCurrent) - Number(a.isCurrent)).map((one) => (
          <Row
            disabled={end.isPending}
            key={one.id}
            onEnd={() => end.mutate(one.id)}
            session={one}
            zone={zone}
          />
        ))}
      </ul>
      {end.error && (
        <div className="px-4 pb-4 sm:px-5">
          <FormError error={end.error} />
        </div>
      )}
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 border-t border-line p-4 sm:px-5">
        <p className="text-sm text-ink-2" role="status">
          {said || (others === 0 ? "You are signed in nowhere else." : "")}
        </p>
        {others > 0 && <Button onClick={() => setAsking(true)}>End all other sessions</Button>}
      </div>
      {asking && (
        <ConfirmDialog
          act="End sessions"
          acting="Ending…"
          error={endOthers.error}
          onAct={() => endOthers.mutate()}
          onClose={() => setAsking(false)}
          pending={endOthers.isPending}
          title="End all other sessions?"
        >
          <p className="text-ink-2">
            {others === 1 ? "The other browser is" : `The ${others} other browsers are`} signed out at once. This one
            stays signed in.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

type RowProps = { session: OwnSession; zone: string | null; disabled: boolean; onEnd: () => void };

function Row({ session, zone, disabled, onEnd }: RowProps) {
  const time = (instant: string) => formatMinute(new Date(instant), zone);
  const place = session.network === "unknown" ? "" : ` from network ${session.network}`;
  return (
    <li
      className="flex items-center justify-between gap-4 px-4 py-3 sm:px-5"
      data-testid="session"
    >
      <div className="figures min-w-0">
        <p className="font-medium break-words">
          {session.device}
          {session.isCurrent && (
            <span className="ml-2 rounded-sm bg-accent-soft px-1.5 py-0.5 text-xs font-medium text-accent">
              This browser
            </span>
          )}
        </p>
        <p className="text-sm break-words text-ink-2">
          Signed in {time(session.createdAt)}
          {place}. {session.isCurrent ? "In use now." : `Last used ${time(session.lastSeenAt)}.`}
        </p>
      </div>
      {!session.isCurrent && (
        <Button aria-label={`End the session of ${session.device}, signed in ${time(session.createdAt)}`} disabled={disabled} onClick={onEnd}>
          End
        </Button>
      )}
    </li>
  );
}
