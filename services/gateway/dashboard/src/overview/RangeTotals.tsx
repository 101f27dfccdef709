/** Sales, orders and average of the chosen range, each against the period before. */

import type { ReactNode } from "react";

import type { OrdersByDay } from "../api/client";
import { divideDecimal } from "../format/decimal";
import { formatCount, formatMoney, minorUnits } from "../format/numbers";
import { DeltaText } from "./DeltaText";
import { compare } from "./deltas";

type Totals = OrdersByDay["totals"];

/**
 * never: all time has no period before; none: history does not reach back; some: known or on its
 * way; unknown: it could not be loaded.
 */
export type Comparison = "never" | "none" | "some" | "unknown";

type Props = {
  totals: Totals;
  previous: Totals | null;
  currency: string | null;
  comparison: Comparison;
};

function averageOf(totals: Totals, currency: string | null): string | null {
  if (totals.orderCount === 0) return null;
  return divideDecimal(totals.revenue, totals.orderCount, currency ? minorUnits(currency) : 2);
}

export function RangeTotals({ totals, previous, currency, comparison }: Props) {
  const average = averageOf(totals, currency);
  const averageBefore = previous && averageOf(previous, currency);
  const change = (read: (of: Totals) => number, before: string | null) => {
    if (comparison === "never") return null;
    if (comparison === "unknown") {
      return <span className="text-xs text-ink-3">Period before not loaded</span>;
    }
    // The row keeps its height while the earlier period is on its way.
    if (comparison === "some" && !previous) return <span className="block h-4 text-xs" />;
    const delta = compare(
      { value: read(totals), orders: totals.orderCount },
      previous && { value: read(previous), orders: previous.orderCount },
    );
    return <DeltaText before={before} delta={delta} />;
  };
  const averageFor = (of: Totals) => Number(of.revenue) / Math.max(1, of.orderCount);
  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-4 sm:flex sm:gap-x-12">
      <Figure label="Sales" testId="range-sales" value={formatMoney(totals.revenue, currency)} wide>
        {change((of) => Number(of.revenue), previous && formatMoney(previous.revenue, currency))}
      </Figure>
      <Figure label="Orders" testId="range-orders" value={formatCount(totals.orderCount)}>
        {change((of) => of.orderCount, previous && formatCount(previous.orderCount))}
      </Figure>
      <Figure
        label="Average order"
        testId="range-aov"
        value={average === null ? "–" : formatMoney(average, currency)}
      >
        {change(averageFor, averageBefore && formatMoney(averageBefore, currency))}
      </Figure>
    </dl>
  );
}

function Figure(props: {
  label: string;
  value: string;
  testId: string;
  wide?: boolean;
  children: ReactNode;
}) {
  return (
    <div className={props.wide ? "col-span-2" : ""}>
      <dt className="text-sm text-ink-2">{props.label}</dt>
      <dd className="m-0">
        <span className="figures block text-xl font-semibold" data-testid={props.testId}>
          {props.value}
        </span>
        {props.children}
      </dd>
    </div>
  );
}
