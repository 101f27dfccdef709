import { Link, useRouter } from "@tanstack/react-router";

import { EntryFrame } from "../shell/EntryFrame";
import { Notice } from "../ui/Notice";
import { usePageTitle } from "../ui/usePageTitle";
import { LoginForm } from "./LoginForm";
import { safeNext } from "./next";

/** ended: the session of this tab. */
export type LoginSearch = { next?: string; ended?: true };

const LINK = "font-medium text-accent underline underline-offset-2";

export function LoginPage({ search: { next, ended } }: { search: LoginSearch }) {
  usePageTitle("Sign in");
  const router = useRouter();
  return (
    <EntryFrame
      footer={
        <div className="space-y-1.5">
          <p>
            Can't sign in?{" "}
            <Link className={LINK} search={{}} to="/recover">
              Recover with Shopify
            </Link>
          </p>
          <p>
            New here?{" "}
            <Link className={LINK} to="/connect">
              Connect a shop
            </Link>
          </p>
        </div>
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
