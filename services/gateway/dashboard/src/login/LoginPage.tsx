import { Link, useRouter } from "@tanstack/react-router";

import { EntryFrame } from "../shell/EntryFrame";
import { usePageTitle } from "../ui/usePageTitle";
import { LoginForm } from "./LoginForm";
import { safeNext } from "./next";

export function LoginPage({ next }: { next: string | undefined }) {
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
      <LoginForm onSignedIn={() => router.history.push(safeNext(next))} />
    </EntryFrame>
  );
}
