import type { ReactNode } from "react";

type Props = { children: ReactNode; className?: string; labelledBy?: string; testId?: string };

export function Card({ children, className = "", labelledBy, testId }: Props) {
  return (
    <section
      aria-labelledby={labelledBy}
      className={`rounded-lg border border-line bg-surface ${className}`}
      data-testid={testId}
    >
      {children}
    </section>
  );
}
