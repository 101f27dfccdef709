/** Why nothing new comes in from the shop, on every page, with the way out. Shown while it is true. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { tenantQuery } from "../api/queries";
import { buttonStyles } from "../ui/Button";
import { Pause, Warning } from "../ui/icons";

const LINK = `${buttonStyles.secondary} h-9 sm:h-8`;

export function TenantBanner() {
  const { data: tenant } = useQuery(tenantQuery);
  const again = (
    <Link className={LINK} search={{ shop: tenant?.shopDomain }} to="/connect">
      Connect again
    </Link>
  );
  let shown: ReactNode = null;
  if (tenant?.status === "reconnect_required") {
    shown = (
      <Line look="bad" way={again}>
        Shopify no longer accepts our access to this shop: the figures no longer change.
      </Line>
    );
  } else if (tenant?.status === "disconnected") {
    shown = (
      <Line look="bad" way={again}>
        This shop is disconnected: the figures no longer change.
      </Line>
    );
  } else if (tenant?.settings.paused) {
    shown = (
      <Line
        look="warn"
        way={
          <Link className={LINK} to="/settings">
            Open the settings
          </Link>
        }
      >
        Scheduled pulls are paused: what was missed is read once they go on.
      </Line>
    );
  }
  return <div role="status">{shown}</div>;
}

function Line({ look, way, children }: { look: "bad" | "warn"; way: ReactNode; children: ReactNode }) {
  const Symbol = look === "bad" ? Warning : Pause;
  return (
    <div
      className={`border-b ${look === "bad" ? "border-bad/30 bg-bad-soft" : "border-warn/30 bg-warn-soft"}`}
      data-testid="tenant-banner"
    >
      <div className="mx-auto flex max-w-[1280px] flex-wrap items-center gap-x-4 gap-y-2 px-4 py-2 text-sm sm:px-6">
        <p className="flex min-w-0 flex-1 basis-60 items-start gap-2 sm:items-center">
          <Symbol className={`mt-px size-4 sm:mt-0 ${look === "bad" ? "text-bad" : "text-warn"}`} />
          {children}
        </p>
        {way}
      </div>
    </div>
  );
}
