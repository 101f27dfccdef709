import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";

import type { Session } from "../api/client";

/** Goes to the login page when the session ends, once, remembering the page it ended on. */
export function useLeaveWithoutSession(session: Session | null | undefined): void {
  const router = useRouter();
  const gone = session === null;
  useEffect(() => {
    if (gone) {
      const next = router.state.location.href;
      void router.navigate({ to: "/login", search: { next, ended: true }, replace: true });
    }
  }, [gone, router]);
}
