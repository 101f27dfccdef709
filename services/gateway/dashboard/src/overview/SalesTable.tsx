/** The chart's figures as a table, newest first. */

import { formatCount, formatMoney } from "../format/numbers";
import type { Bucket, Granularity } from "./grouping";
import { bucketName, partialNote } from "./labels";

type Props = {
  buckets: Bucket[];
  granularity: Granularity;
  currency: string | null;
};

export function SalesTable({ buckets, granularity, currency }: Props) {
  const rows = [...buckets].reverse();
  return (
    <div
      aria-label={`Sales by ${granularity}, table`}
      className="max-h-[380px] overflow-y-auto rounded-md border border-line"
      data-testid="sales-table"
      role="region"
      tabIndex={0}
    >
      <table className="figures w-full border-collapse text-sm">
        <thead className="sticky top-0 bg-surface-2 text-ink-2">
          <tr>
            <th className="px-3 py-2 text-left font-medium capitalize" scope="col">
              {granularity}
            </th>
            <th className="px-3 py-2 text-right font-medium" scope="col">
              Orders
            </th>
            <th className="px-3 py-2 text-right font-medium" scope="col">
              Sales
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((bucket) => (
            <tr className="border-t border-line" key={bucket.from}>
              <th className="px-3 py-2 text-left font-normal" scope="row">
                {bucketName(bucket, granularity)}{" "}
                <span className="text-ink-3">{partialNote(bucket, granularity)}</span>
              </th>
              <td className="px-3 py-2 text-right">{formatCount(bucket.orderCount)}</td>
              <td className="px-3 py-2 text-right">{formatMoney(bucket.revenue, currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
