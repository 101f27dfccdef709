/** After the consent at Shopify: an owner for the shop, then its history coming in. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";

import type { Claim, Session } from "../api/client";
import { claimQuery, sessionQuery } from "../api/queries";
import { LoginForm } from "../login/LoginForm";
import { EntryFrame } from "../shell/EntryFrame";
import { buttonStyles } from "../ui/Button";
import { SectionError } from "../ui/SectionError";
import { usePageTitle } from "../ui/usePageTitle";
import { ClaimForm } from "./ClaimForm";
import { FirstPull } from "./FirstPull";
import { Steps } from "./Steps";

export function WelcomePage() {
  usePageTitle("Welcome");
  const claim = useQuery(claimQuery);
  const session = useQuery(sessionQuery);
  const [signedInHere, setSignedInHere] = useState(false);
  const error = claim.error ?? session.error;

  if (claim.data === undefined || session.data === undefined) {
    if (!error) return <EntryFrame wide>{<Loading />}</EntryFrame>;
    const retry = () => void Promise.all([claim.refetch(), session.refetch()]);
    return (
      <EntryFrame wide>
        <SectionError
          error={error}
          onRetry={retry}
          retrying={claim.isFetching || session.isFetching}
          what="Your connection"
        />
      </EntryFrame>
    );
  }
  switch (nextStep(claim.data, session.data, signedInHere)) {
    case "own":
      return <Own shopDomain={claim.data?.shopDomain ?? ""} />;
    case "sign-in":
      return (
        <SignIn onSignedIn={() => setSignedInHere(true)} shopDomain={claim.data?.shopDomain ?? ""} />
      );
    case "import":
      return <FirstPull />;
    case "expired":
      return <Expired />;
  }
}

export function nextStep(
  claim: Claim | null,
  session: Session | null,
  signedInHere: boolean,
): "own" | "sign-in" | "import" | "expired" {
  if (session && (signedInHere || !claim || claim.tenantId === session.tenant.id)) return "import";
  if (!claim) return "expired";
  return claim.needsOwner ? "own" : "sign-in";
}

function Own({ shopDomain }: { shopDomain: string }) {
  return (
    <EntryFrame wide>
      <Steps current="account" />
      <Title title="Create your account">
        <strong className="font-medium text-ink">{shopDomain}</strong> is connected and its history is
        already coming in. Choose how you will sign in to see it.
      </Title>
      <ClaimForm />
    </EntryFrame>
  );
}

function SignIn({ shopDomain, onSignedIn }: { shopDomain: string; onSignedIn: () => void }) {
  return (
    <EntryFrame wide>
      <Steps current="account" />
      <Title title="Sign in to continue">
        <strong className="font-medium text-ink">{shopDomain}</strong> is connected and has an owner
        already. Sign in to see its figures.
      </Title>
      <LoginForm onSignedIn={onSignedIn} />
    </EntryFrame>
  );
}

function Expired() {
  return (
    <EntryFrame>
      <Title title="This connection has expired">
        It is open for 15 minutes after you approve. Nothing is lost: connect again, or sign in if you
        have an account.
      </Title>
      <div className="flex flex-wrap gap-3">
        <Link className={buttonStyles.primary} to="/connect">
          Connect again
        </Link>
        <Link className={buttonStyles.secondary} search={{ next: "/welcome" }} to="/login">
          Sign in
        </Link>
      </div>
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
      <div className="skeleton h-10 w-full" />
    </div>
  );
}
