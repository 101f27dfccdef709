/** Where the person is on the way to the first figure. */

import { Check } from "../ui/icons";

const STEPS = [
  ["shop", "Shop"],
  ["approve", "Approve"],
  ["account", "Account"],
  ["import", "Import"],
] as const;

export type Step = (typeof STEPS)[number][0];

export function Steps({ current, done = false }: { current: Step; done?: boolean }) {
  const at = done ? STEPS.length : STEPS.findIndex(([step]) => step === current);
  return (
    <ol aria-label="Steps" className="mb-6 flex flex-wrap items-center gap-x-4 gap-y-2 text-xs">
      {STEPS.map(([step, label], index) => (
        <li
          aria-current={index === at ? "step" : undefined}
          className={`flex items-center gap-1.5 ${index === at ? "font-medium text-ink" : "text-ink-3"}`}
          key={step}
        >
          <span
            aria-hidden="true"
            className={`figures flex size-5 items-center justify-center rounded-full ${
              index === at
                ? "bg-accent text-on-accent"
                : index < at
                  ? "bg-accent-soft text-accent"
                  : "bg-surface-2 text-ink-2"
            }`}
          >
            {index < at ? <Check className="size-3" /> : index + 1}
          </span>
          {label}
          {index < at && <span className="sr-only">, done</span>}
        </li>
      ))}
    </ol>
  );
}
