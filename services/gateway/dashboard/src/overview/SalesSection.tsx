/** Sales of the chosen range: picker, totals, chart or table. Loads and fails alone. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";

import type { OrdersByDay, Summary } from "../api/client";
import { ordersQuery, summaryQuery } from "../api/queries";
import { addDays, dayInZone, daysBetween, formatDay, formatDayRange } from "../format/dates";
import { Button } from "../ui/Button";
import { Card } from "../ui/Card";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { RangePicker } from "./RangePicker";
import { type Comparison, RangeTotals } from "./RangeTotals";
import { ReadOut } from "./ReadOut";
import { SalesChart } from "./SalesChart";
import { SalesTable } from "./SalesTable";
import { type Bucket, type Granularity, granularityFor, groupDays } from "./grouping";
import {
  type Choice,
  type OverviewSearch,
  choiceOf,
  isBackwards,
  previousRange,
  resolve,
} from "./ranges";

export function SalesSection({ search }: { search: OverviewSearch }) {
  const { data: summary, ...asked } = useQuery(summaryQuery);
  const choice = choiceOf(search);
  const now = summary?.zone ? dayInZone(new Date(), summary.zone) : null;
  const range = resolve(choice, summary?.lastOrderDate ?? null, now);
  const askable = range !== null && !isBackwards(range);
  const before = range && previousRange(range, summary?.firstOrderDate ?? null);
  const orders = useQuery({ ...ordersQuery(range ?? {}), enabled: askable });
  const previous = useQuery({ ...ordersQuery(before ?? {}), enabled: before !== null });
  const current = askable ? orders.data : undefined;

  const shown = {
    from: range?.from ?? current?.from ?? null,
    to: range?.to ?? current?.to ?? null,
  };
  const granularity =
    shown.from && shown.to && shown.from <= shown.to
      ? granularityFor(daysBetween(shown.from, shown.to))
      : "day";
  const retry = () => void orders.refetch();

  let body: ReactNode;
  if (range && !askable) {
    body = <Empty title="The range starts after it ends">Choose other dates above.</Empty>;
  } else if (summary && range === null) {
    body = (
      <Empty title="No orders yet">
        {summary.partial
          ? "Orders appear here as the shop's history comes in."
          : "New orders appear here within seconds."}
      </Empty>
    );
  } else if (current) {
    body = (
      <>
        {orders.error && <StaleNotice error={orders.error} onRetry={retry} what="Sales" />}
        <SalesFigures
          comparison={comparisonFor(choice, {
            reaches: before !== null || !summary,
            failed: previous.error !== null || (!summary && asked.error !== null),
          })}
          dimmed={orders.isPlaceholderData}
          granularity={granularity}
          orders={current}
          previous={before && !previous.isPlaceholderData ? (previous.data ?? null) : null}
          summary={summary}
        />
      </>
    );
  } else if (orders.error) {
    body = (
      <SectionError error={orders.error} onRetry={retry} retrying={orders.isFetching} what="Sales" />
    );
  } else if (range === null && asked.error) {
    // Only the summary knows on which day the last orders were.
    body = (
      <SectionError
        error={asked.error}
        onRetry={() => void asked.refetch()}
        retrying={asked.isFetching}
        what="Sales"
      />
    );
  } else {
    body = <Loading />;
  }

  return (
    <Card labelledBy="sales-title">
      <div className="flex flex-col gap-3 border-b border-line p-4 sm:flex-row sm:items-start sm:justify-between sm:px-5">
        <div>
          <h2 className="text-lg font-semibold" id="sales-title">
            Sales by {granularity}
          </h2>
          <p className="min-h-5 text-sm text-ink-2" data-testid="range-label">
            {shown.from && shown.to && shown.from <= shown.to
              ? formatDayRange(shown.from, shown.to)
              : ""}
          </p>
        </div>
        <RangePicker choice={choice} shown={shown} />
      </div>
      <div className="space-y-5 p-4 sm:px-5">{body}</div>
    </Card>
  );
}

type Earlier = { reaches: boolean; failed: boolean };

function comparisonFor(choice: Choice, { reaches, failed }: Earlier): Comparison {
  if (choice.kind === "preset" && choice.preset === "all") return "never";
  if (failed) return "unknown";
  return reaches ? "some" : "none";
}

type FiguresProps = {
  orders: OrdersByDay;
  previous: OrdersByDay | null;
  granularity: Granularity;
  comparison: Comparison;
  dimmed: boolean;
  summary: Summary | undefined;
};

/** The earlier days moved onto the current ones, so that both group into the same buckets. */
function previousBuckets(orders: OrdersByDay, previous: OrdersByDay, granularity: Granularity): Bucket[] {
  const shift = orders.days.length;
  return groupDays(
    previous.days.map((day) => ({ ...day, date: addDays(day.date, shift) })),
    granularity,
  );
}

function SalesFigures(props: FiguresProps) {
  const { orders, previous, granularity, dimmed, summary } = props;
  const [active, setActive] = useState<number | null>(null);
  const [table, setTable] = useState(false);
  const today = orders.zone ? dayInZone(new Date(), orders.zone) : null;
  const buckets = groupDays(orders.days, granularity, today);
  const compared = previous?.days.length === orders.days.length ? previous : null;
  const before = compared && previousBuckets(orders, compared, granularity);
  const at = active !== null && active < buckets.length ? active : null;
  const index = at ?? buckets.length - 1;

  if (orders.totals.orderCount === 0) return <NoOrders orders={orders} summary={summary} />;
  return (
    <div className={`space-y-5 quiet-fade ${dimmed ? "opacity-60" : ""}`} aria-busy={dimmed}>
      <RangeTotals
        comparison={props.comparison}
        currency={orders.currency}
        previous={compared?.totals ?? null}
        totals={orders.totals}
      />
      <div className="space-y-2">
        <div className="flex items-start justify-between gap-4 sm:items-center">
          {table ? (
            <span />
          ) : (
            <ReadOut
              before={before?.[index]}
              bucket={buckets[index]}
              currency={orders.currency}
              granularity={granularity}
            />
          )}
          <Button className="no-print px-3 text-sm sm:h-8" onClick={() => setTable(!table)}>
            {table ? "Show chart" : "Show table"}
          </Button>
        </div>
        {table ? (
          <SalesTable buckets={buckets} currency={orders.currency} granularity={granularity} />
        ) : (
          <SalesChart
            active={at}
            buckets={buckets}
            currency={orders.currency}
            granularity={granularity}
            onActive={setActive}
            previous={before}
          />
        )}
      </div>
    </div>
  );
}

function NoOrders({ orders, summary }: { orders: OrdersByDay; summary: Summary | undefined }) {
  const latest = summary?.lastOrderDate;
  return (
    <Empty title="No orders in this range">
      {orders.from && orders.to && `Nothing was ordered ${formatDayRange(orders.from, orders.to)}. `}
      {latest && `The latest order was on ${formatDay(latest)}. `}
      {latest && (
        <Link className="font-medium text-accent underline underline-offset-2" search={{}} to="/">
          Show the last 30 days with orders
        </Link>
      )}
    </Empty>
  );
}

function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div
      className="flex min-h-72 flex-col items-center justify-center gap-1 text-center"
      data-testid="sales-empty"
    >
      <p className="font-medium">{title}</p>
      <p className="max-w-md text-sm text-ink-2">{children}</p>
    </div>
  );
}

function Loading() {
  return (
    <div aria-busy="true" aria-label="Loading sales" className="space-y-5" role="status">
      <div className="grid grid-cols-2 gap-x-6 gap-y-4 sm:flex sm:gap-x-12">
        {["col-span-2 w-36", "w-20", "w-24"].map((place) => (
          <div className={place} key={place}>
            <div className="skeleton h-[18px] w-16" />
            <div className="skeleton my-0.5 h-6 w-full" />
            <div className="skeleton h-[18px] w-20" />
          </div>
        ))}
      </div>
      <div className="space-y-2">
        <div className="skeleton h-11 w-72 max-w-full sm:h-8" />
        <div className="skeleton h-[220px] sm:h-[280px]" />
      </div>
    </div>
  );
}
