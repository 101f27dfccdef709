/** What is connected, how it is kept current, the proof that it is complete, the account, and the ways to leave. */

import { useQuery } from "@tanstack/react-query";

import type { CurrentTenant } from "../api/client";
import { sessionQuery, tenantQuery } from "../api/queries";
import { Card } from "../ui/Card";
import { SectionError, StaleNotice } from "../ui/SectionError";
import { usePageTitle } from "../ui/usePageTitle";
import { AccountSection } from "./AccountSection";
import { ActivitySection } from "./ActivitySection";
import { DangerZone } from "./DangerZone";
import { DataRequestsSection } from "./DataRequestsSection";
import { FurtherEntitiesSection } from "./FurtherEntitiesSection";
import { ProofSection } from "./ProofSection";
import { type PlannedSettings, PullSettings } from "./PullSettings";
import { PullsSection } from "./PullsSection";
import { SessionsSection } from "./SessionsSection";
import { Loading, SettingsSection } from "./SettingsSection";
import { ShopFacts } from "./ShopFacts";

export function SettingsPage() {
  usePageTitle("Settings");
  const { data: tenant, error, refetch, isFetching } = useQuery(tenantQuery);
  const failure = error && { error, onRetry: () => void refetch(), retrying: isFetching, what: "The settings" };
  return (
    <div className="space-y-5 lg:space-y-8">
      <h1 className="text-xl font-semibold tracking-[-0.01em]">Settings</h1>
      {tenant && failure && <StaleNotice {...failure} />}
      {tenant ? (
        <Sections tenant={tenant} />
      ) : (
        <Card>{failure ? <SectionError {...failure} /> : <Loading what="the settings" />}</Card>
      )}
    </div>
  );
}

function isPlanned(settings: CurrentTenant["settings"]): settings is PlannedSettings {
  return typeof settings.pullIntervalMinutes === "number";
}

function Sections({ tenant }: { tenant: CurrentTenant }) {
  const session = useQuery(sessionQuery).data;
  const role = session?.tenant.role;
  return (
    <>
      <SettingsSection
        about="Currency and time zone are the shop's own. Change them at Shopify, and they change here."
        testId="shop-facts"
        title="Shop"
      >
        <ShopFacts tenant={tenant} />
      </SettingsSection>
      {role === "owner" && isPlanned(tenant.settings) && (
        <SettingsSection
          about="How often Tillstream looks for what changed, and which orders count."
          testId="pull-settings"
          title="Keeping current"
        >
          <PullSettings settings={tenant.settings} />
        </SettingsSection>
      )}
      <ProofSection zone={tenant.zone} />
      <FurtherEntitiesSection />
      <PullsSection canPull={role === "owner" && tenant.status === "active"} zone={tenant.zone} />
      {role === "owner" && <DataRequestsSection zone={tenant.zone} />}
      {role === "owner" && <ActivitySection zone={tenant.zone} />}
      <AccountSection username={session?.user.username} />
      <SessionsSection zone={tenant.zone} />
      <DangerZone role={role} tenant={tenant} />
    </>
  );
}
