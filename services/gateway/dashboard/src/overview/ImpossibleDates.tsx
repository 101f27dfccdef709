/** Which orders are in the all-time figures and on no day, and what to do about them. */

import type { Summary } from "../api/client";
import { formatDay, isDay } from "../format/dates";
import { formatCount, formatMoney } from "../format/numbers";
import { Notice } from "../ui/Notice";
import { countedOrders } from "./labels";

type Props = { summary: Summary | undefined; shopDomain: string | undefined };

export function ImpossibleDates({ summary, shopDomain }: Props) {
  const { impossibleDates: found, currency = null } = summary ?? {};
  if (!found?.orderCount) return null;
  const one = found.orderCount === 1;
  const more = found.orderCount - found.orders.length;
  return (
    <Notice look="info" testId="impossible-dates">
      <p>
        <strong className="font-semibold">
          {countedOrders(found.orderCount)} with an impossible date,{" "}
          {formatMoney(found.revenue, currency)}.
        </strong>{" "}
        {one
          ? "It counts in the all-time figures, but on no day. Correct its date in Shopify, or in the app that imported it, and it moves to its day."
          : "They count in the all-time figures, but on no day. Correct their dates in Shopify, or in the app that imported them, and they move to their days."}
      </p>
      <ul className="figures mt-1 flex flex-wrap gap-x-4 gap-y-1 text-ink-2">
        {found.orders.map(({ orderId, orderName, date }) => (
          <li className="max-w-full truncate" key={orderId}>
            <a
              className="font-medium text-ink underline underline-offset-2"
              href={shopDomain && `https://${shopDomain}/admin/orders/${orderId}`}
              rel="noreferrer"
              target="_blank"
            >
              {orderName?.trim() || orderId}
            </a>{" "}
            {toldDate(date)}
          </li>
        ))}
        {more > 0 && <li>and {formatCount(more)} more</li>}
      </ul>
    </Notice>
  );
}

/** Years before 100 are no days for a browser. */
function toldDate(date: string | null): string {
  if (date === null) return "unreadable date";
  return isDay(date) ? formatDay(date) : date;
}
