/** For people who cannot sign in, or have bought the shop: Shopify confirms the store owner, who decides. */

import { useQuery } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";

import { ApiError } from "../api/errors";
import { recoveryQuery } from "../api/queries";
import { asRequestId } from "../connect/connectErrors";
import { EntryFrame } from "../shell/EntryFrame";
import { Notice } from "../ui/Notice";
import { RequestId } from "../ui/RequestId";
import { SectionError } from "../ui/SectionError";
import { usePageTitle } from "../ui/usePageTitle";
import { RecoverForm } from "./RecoverForm";
import { StartForm } from "./StartForm";
import { endsRecovery, recoverErrorText } from "./recoverErrors";

export type RecoverSearch = { error?: string; requestId?: string };

export function RecoverPage({ search }: { search: RecoverSearch }) {
  usePageTitle("Recover your account");
  const router = useRouter();
  const recovery = useQuery({ ...recoveryQuery, enabled: !search.error });
  const [ended, setEnded] = useState<string | null>(null);
  const { error } = recovery;
  const endedBy = ended ?? (error instanceof ApiError && endsRecovery(error.code) ? error.code : null);
  if (search.error) return <Start error={search.error} requestId={search.requestId} />;
  if (endedBy) return <Start error={endedBy} />;
  if (recovery.data) {
    return (
      <Frame>
        <Title title={recovery.data.ownerUsername ? "Recover your account" : "Create your account"}>
          Shopify confirmed that you are the store owner of{" "}
          <strong className="inline-block max-w-full font-medium break-words text-ink">{recovery.data.shopDomain}</strong>.
          {!recovery.data.ownerUsername && " It has no owner here yet. Choose how you will sign in."}
        </Title>
        <RecoverForm
          onEnded={setEnded}
          onRecovered={() => void router.navigate({ to: "/", search: {} })}
          recovery={recovery.data}
        />
      </Frame>
    );
  }
  if (recovery.data === null) return <Start />;
  return (
    <Frame>
      {error ? (
        <SectionError
          error={error}
          onRetry={() => void recovery.refetch()}
          retrying={recovery.isFetching}
          what="Your recovery"
        />
      ) : (
        <Loading />
      )}
    </Frame>
  );
}

function Start({ error, requestId }: { error?: string; requestId?: string }) {
  return (
    <Frame>
      <Title title="Recover your account">
        Shopify confirms that you are the store owner. Then you can set a new password, or take ownership if the shop
        has changed hands.
      </Title>
      {error && (
        <div className="mb-5">
          <Notice look="bad" role="alert" testId="recover-error">
            <p>{recoverErrorText(error)}</p>
            <RequestId id={asRequestId(requestId)} />
          </Notice>
        </div>
      )}
      <StartForm />
    </Frame>
  );
}

function Frame({ children }: { children: ReactNode }) {
  return (
    <EntryFrame
      footer={
        <>
          Know your password?{" "}
          <Link className="font-medium text-accent underline underline-offset-2" search={{}} to="/login">
            Sign in
          </Link>
        </>
      }
      wide
    >
      {children}
    </EntryFrame>
  );
}

function Title({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <h1 className="text-xl font-semibold tracking-[-0.01em]">{title}</h1>
      <p className="mt-1 mb-6 text-ink-2">{children}</p>
    </>
  );
}

function Loading() {
  return (
    <div aria-busy="true" aria-label="Loading" className="space-y-4" role="status">
      <div className="skeleton h-7 w-56" />
      <div className="skeleton h-5 w-full" />
      <div className="skeleton h-10 w-full" />
    </div>
  );
}
