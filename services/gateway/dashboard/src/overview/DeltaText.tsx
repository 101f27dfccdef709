/** A change against the period before, in arrow and words; never in colour alone. */

import { formatPercent } from "../format/numbers";
import { ArrowDown, ArrowUp } from "../ui/icons";
import type { Delta } from "./deltas";

export function DeltaText({ delta, before }: { delta: Delta; before: string | null }) {
  if (delta.kind === "too-few") {
    return <span className="text-xs text-ink-3">Too few orders to compare</span>;
  }
  if (delta.kind === "nothing-before") {
    return <span className="text-xs text-ink-3">{before ?? "No orders"} the period before</span>;
  }
  if (delta.kind === "no-earlier-data") {
    return <span className="text-xs text-ink-3">No full period before</span>;
  }
  const { direction, fraction } = delta;
  const look = { up: "text-good", down: "text-bad", flat: "text-ink-2" }[direction];
  const word = { up: "more than", down: "less than", flat: "the same as" }[direction];
  return (
    <span className="flex flex-wrap items-center gap-x-1.5 text-xs">
      <span className={`inline-flex items-center gap-0.5 font-medium ${look}`}>
        {direction === "up" && <ArrowUp className="size-3.5" />}
        {direction === "down" && <ArrowDown className="size-3.5" />}
        {formatPercent(Math.abs(fraction))}
        <span className="sr-only"> {word} the period before</span>
      </span>
      {before && <span className="text-ink-3">was {before}</span>}
    </span>
  );
}
