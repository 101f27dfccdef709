/** The four all-time figures, exact to the cent. */

import type { Summary } from "../api/client";
import { formatDay } from "../format/dates";
import { formatCount, formatMoney } from "../format/numbers";
import { MetricLabel } from "../ui/MetricLabel";
import type { Metric } from "./metrics";

type Tile = { metric: Metric; testId: string; value: string | null; note: string };

function tilesOf(summary: Summary | undefined): Tile[] {
  const currency = summary?.currency ?? null;
  const { firstOrderDate, lastOrderDate, averageOrderValue } = summary ?? {};
  const money = (amount: string | null | undefined) =>
    amount === null || amount === undefined ? "–" : formatMoney(amount, currency);
  return [
    {
      metric: "totalSales",
      testId: "tile-total-sales",
      value: summary ? money(summary.totalRevenue) : null,
      note: firstOrderDate ? `since ${formatDay(firstOrderDate)}` : "no orders yet",
    },
    {
      metric: "orders",
      testId: "tile-orders",
      value: summary ? formatCount(summary.totalOrders) : null,
      note: lastOrderDate ? `latest ${formatDay(lastOrderDate)}` : "no orders yet",
    },
    {
      metric: "averageOrderValue",
      testId: "tile-aov",
      value: summary ? money(averageOrderValue) : null,
      note: "sales per order",
    },
    {
      metric: "customers",
      testId: "tile-customers",
      value: summary ? formatCount(summary.totalCustomers) : null,
      note: "known to the shop",
    },
  ];
}

/** Without a summary the same markup stands as a skeleton, so that nothing moves when figures arrive. */
export function Tiles({ summary }: { summary: Summary | undefined }) {
  return (
    <ul
      aria-busy={!summary}
      className="grid divide-y divide-line rounded-lg border border-line bg-surface sm:grid-cols-2 sm:divide-y-0 lg:grid-cols-4 lg:divide-x"
    >
      {tilesOf(summary).map(({ metric, testId, value, note }) => (
        <li
          className="flex flex-wrap items-baseline justify-between gap-x-4 px-4 py-3 sm:block sm:px-5 sm:py-4"
          key={metric}
        >
          <MetricLabel className="text-sm text-ink-2" metric={metric} />
          <p
            className={`figures text-xl font-semibold tracking-[-0.01em] sm:mt-1 sm:text-2xl ${value === null ? "skeleton w-32" : ""}`}
            data-testid={testId}
          >
            {value ?? "\u00a0"}
          </p>
          <p className="figures w-full text-xs text-ink-3 sm:mt-0.5">
            <span className={value === null ? "skeleton" : ""}>{note}</span>
          </p>
        </li>
      ))}
    </ul>
  );
}
