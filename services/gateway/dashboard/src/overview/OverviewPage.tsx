/** How are sales, compared with what, and can the number be trusted? */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { CurrentTenant, Summary } from "../api/client";
import { summaryQuery, tenantQuery } from "../api/queries";
import { formatDay, formatDayRange, formatZone } from "../format/dates";
import { formatMoney } from "../format/numbers";
import { Card } from "../ui/Card";
import { Notice } from "../ui/Notice";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { usePageTitle } from "../ui/usePageTitle";
import { ImpossibleDates } from "./ImpossibleDates";
import { SalesSection } from "./SalesSection";
import { Tiles } from "./Tiles";
import { countedOrders } from "./labels";
import { TopCustomersSection } from "./TopCustomersSection";
import type { OverviewSearch } from "./ranges";

export function OverviewPage({ search }: { search: OverviewSearch }) {
  usePageTitle("Overview");
  const summary = useQuery(summaryQuery);
  const tenant = useQuery(tenantQuery);
  const retry = () => void summary.refetch();
  const zone = summary.data?.zone ?? tenant.data?.zone;
  const currency = summary.data?.currency ?? tenant.data?.currency;

  return (
    <div className="space-y-5">
      <header className="flex flex-wrap items-baseline justify-between gap-x-6 gap-y-1">
        <h1 className="text-xl font-semibold tracking-[-0.01em]">Overview</h1>
        <p className="min-h-5 text-sm text-ink-2" data-testid="zone-currency">
          {zone && (
            <>
              Days in <span title={zone}>{formatZone(zone)}</span>
            </>
          )}
          {zone && currency && " · "}
          {currency && `amounts in ${currency}`}
        </p>
      </header>

      <Notices summary={summary.data} tenant={tenant.data} />

      <section aria-labelledby="all-time-title" className="space-y-2">
        <div className="flex min-h-6 flex-wrap items-baseline gap-x-2.5">
          <h2 className="text-lg font-semibold" id="all-time-title">
            All time
          </h2>
          <p className="text-sm text-ink-2">{allTimeSpan(summary.data)}</p>
        </div>
        {summary.data && summary.error && (
          <StaleNotice error={summary.error} onRetry={retry} what="All-time figures" />
        )}
        {!summary.data && summary.error ? (
          <Card>
            <SectionError
              error={summary.error}
              onRetry={retry}
              retrying={summary.isFetching}
              what="All-time figures"
            />
          </Card>
        ) : (
          <Tiles summary={summary.data} />
        )}
        <OtherCurrencies summary={summary.data} />
        <ImpossibleDates shopDomain={tenant.data?.shopDomain} summary={summary.data} />
      </section>

      <SalesSection search={search} />
      <TopCustomersSection />
    </div>
  );
}

function allTimeSpan(summary: Summary | undefined): string {
  if (!summary?.firstOrderDate || !summary.lastOrderDate) return "";
  return formatDayRange(summary.firstOrderDate, summary.lastOrderDate);
}

type NoticesProps = { summary: Summary | undefined; tenant: CurrentTenant | undefined };

function Notices({ summary, tenant }: NoticesProps) {
  return (
    <>
      {summary?.partial && (
        <Notice look="warn" role="status" testId="partial-notice">
          <strong className="font-semibold">Partial figures.</strong>{" "}
          {tenant && (tenant.pull?.state === "failed" || tenant.status !== "active")
            ? "The first import did not finish. "
            : tenant?.pull?.state === "mismatch"
              ? "The first import found other counts than Shopify's. "
              : "The shop's history is still being imported, so every figure here will grow. "}
          <Link className="font-medium underline underline-offset-2" to="/welcome">
            See the progress
          </Link>
        </Notice>
      )}
      {tenant?.historySince && (
        <Notice look="info">
          Shopify lets Tillstream read orders since {formatDay(tenant.historySince)}. “All time” starts
          there.
        </Notice>
      )}
    </>
  );
}

function OtherCurrencies({ summary }: { summary: Summary | undefined }) {
  if (!summary || summary.otherCurrencies.length === 0) return null;
  const parts = summary.otherCurrencies.map(
    ({ currency, orderCount, revenue }) =>
      `${countedOrders(orderCount)} over ${formatMoney(revenue, currency)}`,
  );
  return (
    <p className="text-xs text-ink-2">
      Not in these sums, because in another currency: {parts.join("; ")}.
    </p>
  );
}
