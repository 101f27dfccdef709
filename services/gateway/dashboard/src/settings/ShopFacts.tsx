/** What Shopify says of the shop; it is changed there, not here. */

import type { ReactNode } from "react";

import type { CurrentTenant } from "../api/client";
import { dayInZone, formatDay, formatZone } from "../format/dates";

const STATUS: Record<CurrentTenant["status"], string> = {
  active: "Connected",
  disconnected: "Disconnected",
  reconnect_required: "Must be connected again",
};

const NOT_KNOWN = "Not known yet";

export function ShopFacts({ tenant }: { tenant: CurrentTenant }) {
  const since = formatDay(dayInZone(new Date(tenant.connectedAt), tenant.zone ?? "UTC"));
  const day = tenant.historySince;
  return (
    <dl className="divide-y divide-line px-4 sm:px-5">
      <Fact name="Shop">{tenant.name ?? NOT_KNOWN}</Fact>
      <Fact name="Domain">{tenant.shopDomain}</Fact>
      <Fact name="Status">{STATUS[tenant.status]}</Fact>
      <Fact name="Connected on">{since}</Fact>
      <Fact name="Currency">{tenant.currency ?? NOT_KNOWN}</Fact>
      <Fact name="Time zone">{tenant.zone ? zoneInWords(tenant.zone) : NOT_KNOWN}</Fact>
      <Fact name="Shopify plan">{tenant.plan ?? NOT_KNOWN}</Fact>
      <Fact name="Orders readable">{day ? `Since ${formatDay(day)}` : "The whole history"}</Fact>
      {tenant.scopes && (
        <Fact name="Access granted">
          {tenant.scopes.length === 0 ? "None" : <Scopes scopes={tenant.scopes} />}
        </Fact>
      )}
    </dl>
  );
}

function Scopes({ scopes }: { scopes: string[] }) {
  return (
    <ul className="flex flex-wrap gap-1.5">
      {scopes.map((scope) => (
        <li className="rounded-sm bg-surface-2 px-1.5 py-0.5 font-mono text-xs" key={scope}>
          {scope}
        </li>
      ))}
    </ul>
  );
}

function zoneInWords(zone: string): string {
  const words = formatZone(zone);
  return words === zone ? zone : `${words} (${zone})`;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-4 gap-y-0.5 py-2.5 sm:grid-cols-[160px_minmax(0,1fr)]">
      <dt className="text-ink-2">{name}</dt>
      <dd className="m-0 min-w-0 break-words">{children}</dd>
    </div>
  );
}
