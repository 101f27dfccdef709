/** A sentence the person should see before the figures. */

import type { ReactNode } from "react";

import { Check, Info, Warning } from "./icons";

const LOOKS = {
  info: { box: "bg-accent-soft border-accent/30", ink: "text-accent", icon: Info },
  good: { box: "bg-accent-soft border-accent/30", ink: "text-good", icon: Check },
  warn: { box: "bg-warn-soft border-warn/30", ink: "text-warn", icon: Warning },
  bad: { box: "bg-bad-soft border-bad/30", ink: "text-bad", icon: Warning },
};

type Props = {
  look: keyof typeof LOOKS;
  children: ReactNode;
  role?: "alert" | "status";
  testId?: string;
};

export function Notice({ look, children, role, testId }: Props) {
  const { box, ink, icon: Symbol } = LOOKS[look];
  return (
    <div
      className={`flex gap-2.5 rounded-md border px-3.5 py-2.5 text-sm text-ink ${box}`}
      data-testid={testId}
      role={role}
    >
      <Symbol className={`mt-px size-4 ${ink}`} />
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  );
}
