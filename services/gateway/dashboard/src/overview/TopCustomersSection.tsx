/** Who bought most, over all time. Loads and fails alone. */

import { useQuery } from "@tanstack/react-query";

import type { TopCustomers } from "../api/client";
import { topCustomersQuery } from "../api/queries";
import { formatCount, formatMoney } from "../format/numbers";
import { Card } from "../ui/Card";
import { MetricLabel } from "../ui/MetricLabel";
import { SectionError, StaleNotice } from "../ui/SectionError";

export function TopCustomersSection() {
  const { data, error, refetch, isFetching } = useQuery(topCustomersQuery);
  const retry = () => void refetch();
  return (
    <Card labelledBy="top-customers-title" testId="top-customers">
      <div className="flex items-center justify-between px-4 pt-4 pb-2 sm:px-5">
        <h2 className="text-lg font-semibold" id="top-customers-title">
          <MetricLabel metric="topCustomers" />
        </h2>
        <AllTime />
      </div>
      {data && error && (
        <div className="px-4 pb-2 sm:px-5">
          <StaleNotice error={error} onRetry={retry} what="Top customers" />
        </div>
      )}
      {data ? (
        <Ranking {...data} />
      ) : error ? (
        <SectionError error={error} onRetry={retry} retrying={isFetching} what="Top customers" />
      ) : (
        <Loading />
      )}
    </Card>
  );
}

function AllTime() {
  return (
    <span className="rounded-sm bg-surface-2 px-2 py-0.5 text-xs font-medium text-ink-2">All time</span>
  );
}

function Ranking({ customers, currency }: TopCustomers) {
  if (customers.length === 0) {
    return <p className="px-4 pt-6 pb-10 text-center text-ink-2">No customer has ordered yet.</p>;
  }
  const most = Math.max(...customers.map((customer) => Number(customer.totalRevenue)), 0);
  return (
    <table className="figures mb-2 w-full border-collapse">
      <thead className="text-xs text-ink-2">
        <tr>
          <th className="py-2 pr-3 pl-4 text-left font-medium sm:pl-5" scope="col">
            Customer
          </th>
          <th className="hidden w-2/5 px-3 py-2 md:table-cell" scope="col">
            <span className="sr-only">Share of the highest</span>
          </th>
          <th className="px-3 py-2 text-right font-medium" scope="col">
            Orders
          </th>
          <th className="py-2 pr-4 pl-3 text-right font-medium sm:pr-5" scope="col">
            Total sales
          </th>
        </tr>
      </thead>
      <tbody>
        {customers.map((customer) => (
          <tr className="border-t border-line" key={customer.customerId}>
            <th className="max-w-0 min-w-32 py-2.5 pr-3 pl-4 text-left font-normal sm:pl-5" scope="row">
              <span className="block truncate font-medium" title={customer.customerName}>
                {customer.customerName || "No name"}
              </span>
              {customer.customerEmail && (
                <span className="block truncate text-xs text-ink-3" title={customer.customerEmail}>
                  {customer.customerEmail}
                </span>
              )}
            </th>
            <td aria-hidden="true" className="hidden px-3 md:table-cell">
              <Bar share={most > 0 ? Number(customer.totalRevenue) / most : 0} />
            </td>
            <td className="px-3 text-right text-ink-2">{formatCount(customer.orderCount)}</td>
            <td className="pr-4 pl-3 text-right font-medium sm:pr-5">
              {formatMoney(customer.totalRevenue, currency)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Bar({ share }: { share: number }) {
  return (
    <svg className="block h-2 w-full" preserveAspectRatio="none" viewBox="0 0 100 8">
      <rect className="fill-surface-2" height="8" width="100" />
      <rect className="fill-accent" height="8" width={Math.max(0, Math.min(1, share)) * 100} />
    </svg>
  );
}

function Loading() {
  return (
    <div aria-busy="true" aria-label="Loading top customers" className="space-y-3 px-4 pt-2 pb-5 sm:px-5" role="status">
      {[0, 1, 2, 3, 4].map((row) => (
        <div className="skeleton h-9" key={row} />
      ))}
    </div>
  );
}
