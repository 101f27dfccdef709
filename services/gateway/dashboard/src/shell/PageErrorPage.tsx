/** The whole page failed: the session could not be read, or a defect of ours. */

import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";

import { ApiError } from "../api/errors";
import { SectionError } from "../ui/SectionError";
import { EntryFrame } from "./EntryFrame";

const DEFECT = new Error("Something went wrong on this page. Loading it again often helps.");

export function PageErrorPage({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const again = () => {
    reset();
    void router.invalidate();
  };
  return (
    <EntryFrame>
      <SectionError
        error={error instanceof ApiError ? error : DEFECT}
        onRetry={again}
        what="This page"
      />
    </EntryFrame>
  );
}
