/** The fixed row above the plot: what the pointer is on, else the last bucket. */

import { formatMoney } from "../format/numbers";
import type { Bucket, Granularity } from "./grouping";
import { bucketName, countedOrders, partialNote } from "./labels";

type Props = {
  bucket: Bucket | undefined;
  before: Bucket | undefined;
  granularity: Granularity;
  currency: string | null;
};

export function ReadOut({ bucket, before, granularity, currency }: Props) {
  if (!bucket) return null;
  const note = partialNote(bucket, granularity);
  return (
    <div
      className="figures flex min-h-10 flex-wrap items-center gap-x-5 gap-y-0.5 text-sm sm:min-h-6"
      data-testid="chart-readout"
    >
      <span className="text-ink-2 sm:min-w-44">
        {bucketName(bucket, granularity)}
        {note && <span className="text-ink-3"> ({note})</span>}
      </span>
      <span className="inline-flex items-center gap-2">
        <svg aria-hidden="true" className="h-2 w-4">
          <line className="stroke-accent" strokeWidth="2.25" x2="16" y1="4" y2="4" />
        </svg>
        <span className="font-semibold">{formatMoney(bucket.revenue, currency)}</span>
        <span className="text-ink-2">{countedOrders(bucket.orderCount)}</span>
      </span>
      {before && (
        <span className="inline-flex items-center gap-2 text-ink-2">
          <svg aria-hidden="true" className="h-2 w-4">
            <line
              className="stroke-previous"
              strokeDasharray="4 3"
              strokeWidth="1.5"
              x2="16"
              y1="4"
              y2="4"
            />
          </svg>
          {formatMoney(before.revenue, currency)} the period before
        </span>
      )}
    </div>
  );
}
