import { Link, useRouter } from "@tanstack/react-router";

import { EntryFrame } from "../shell/EntryFrame";
import { Notice } from "../ui/Notice";
import { usePageTitle } from "../ui/usePageTitle";
import { LoginForm } from "./LoginForm";
import { safeNext } from "./next";

/** ended: the session of this tab. */
export type LoginSearch = { next?: string; ended?: true };

export function LoginPage({ search: { next, ended } }: { search: LoginSearch }) {
  usePageTitle("Sign in");
  const router = useRouter();
  return (
    <EntryFrame
      footer={
        <>
          New here?{" "}
          <Link className="font-medium text-accent underline underline-offset-2" to="/connect">
            Connect a shop
          </Link>
        </>
      }
    >
      <h1 className="text-xl font-semibold tracking-[-0.01em]">Sign in</h1>
      <p className="mt-1 mb-6 text-ink-2">See what your shop sold, as it sells.</p>
      {ended && (
        <div className="mb-5">
          <Notice look="info" role="status" testId="session-ended">
            Your session has ended. Sign in to go on where you were.
          </Notice>
        </div>
      )}
      <LoginForm onSignedIn={() => router.history.push(safeNext(next))} />
    </EntryFrame>
  );
}
