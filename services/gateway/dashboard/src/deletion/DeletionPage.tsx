/** After an owner asked for deletion, signed out: when it happens, and how to stop it. */

import { Link } from "@tanstack/react-router";

import { EntryFrame } from "../shell/EntryFrame";
import { buttonStyles } from "../ui/Button";
import { usePageTitle } from "../ui/usePageTitle";
import { deadlineInWords, recallDeletion } from "./scheduled";

export function DeletionPage() {
  usePageTitle("Deletion scheduled");
  const deletion = recallDeletion();
  const shop = deletion?.shopDomain;
  return (
    <EntryFrame
      footer={
        <>
          Do you have another shop here?{" "}
          <Link className="font-medium text-accent underline underline-offset-2" search={{}} to="/login">
            Sign in
          </Link>
        </>
      }
    >
      <div data-testid="deletion-scheduled">
        <h1 className="text-xl font-semibold tracking-[-0.01em]">Deletion scheduled</h1>
        <div className="mt-3 space-y-3 text-ink-2">
          <p>
            <Shop name={shop} /> is disconnected and everyone is signed out. The data will be deleted
            {deletion ? (
              <>
                {" "}
                on <time className="font-medium text-ink" dateTime={deletion.dueAt}>{deadlineInWords(deletion.dueAt)}</time>
              </>
            ) : (
              " after a grace period"
            )}
            .
          </p>
          <p>Changed your mind? Connect the shop again before then, and everything is kept.</p>
        </div>
        <Link className={`${buttonStyles.secondary} mt-6 w-full sm:h-10`} search={{ shop }} to="/connect">
          Connect again
        </Link>
      </div>
    </EntryFrame>
  );
}

function Shop({ name }: { name: string | undefined }) {
  return name ? <span className="font-medium break-all text-ink">{name}</span> : "The shop";
}
