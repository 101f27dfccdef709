/** One subject of the settings: what it is about on the left, what can be seen and done on the right. */

import { type ReactNode, useId } from "react";

import { Card } from "../ui/Card";

type Props = { title: string; about: string; children: ReactNode; testId: string };

export function SettingsSection({ title, about, children, testId }: Props) {
  const id = useId();
  return (
    <div className="grid gap-x-8 gap-y-3 lg:grid-cols-[280px_minmax(0,1fr)] lg:items-start">
      <div className="lg:pt-4">
        <h2 className="text-lg font-semibold" id={id}>
          {title}
        </h2>
        <p className="mt-0.5 text-sm text-ink-2">{about}</p>
      </div>
      <Card className="min-w-0" labelledBy={id} testId={testId}>
        {children}
      </Card>
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div aria-busy="true" aria-label={`Loading ${what}`} className="space-y-3 p-4 sm:p-5" role="status">
      <div className="skeleton h-5 w-2/3" />
      <div className="skeleton h-5 w-1/2" />
      <div className="skeleton h-5 w-3/5" />
    </div>
  );
}
