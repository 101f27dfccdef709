/** The frame of the signed-in pages; it owns the live connection. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { Suspense } from "react";

import { logOut } from "../api/client";
import { keys, sessionQuery, tenantQuery } from "../api/queries";
import { useLive } from "../live/useLive";
import { Mark } from "../ui/Logo";
import { LogOut } from "../ui/icons";
import { useLeaveWithoutSession } from "./useLeaveWithoutSession";
import { Freshness } from "./Freshness";
import { Notices } from "./Notices";
import { OfflineBanner } from "./OfflineBanner";
import { TenantBanner } from "./TenantBanner";

export function AppShell() {
  const { data: session } = useQuery(sessionQuery);
  useLeaveWithoutSession(session);
  if (session === null) return null;
  return <SignedIn username={session?.user.username ?? ""} />;
}

function SignedIn({ username }: { username: string }) {
  const live = useLive();
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        className="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-10 focus:rounded-md focus:bg-surface focus:px-3 focus:py-2"
        href="#content"
      >
        Skip to the content
      </a>
      <header className="border-b border-line bg-surface">
        <div className="mx-auto flex max-w-[1280px] flex-wrap items-center gap-x-4 px-4 sm:h-14 sm:flex-nowrap sm:px-6">
          <Link
            className="flex h-14 items-center gap-2.5 rounded-sm text-lg font-semibold tracking-[-0.01em]"
            to="/"
          >
            <Mark />
            <span className="hidden md:inline">Tillstream</span>
            <span className="sr-only md:hidden">Tillstream overview</span>
          </Link>
          <span aria-hidden="true" className="hidden h-5 w-px bg-line sm:block" />
          <ShopName />
          <Pages />
          <div className="order-last flex w-full pb-3 sm:order-none sm:ml-auto sm:w-auto sm:pb-0">
            <Freshness live={live} />
          </div>
          <span aria-hidden="true" className="hidden h-5 w-px bg-line sm:block" />
          <UserMenu username={username} />
        </div>
      </header>
      <OfflineBanner live={live} what="Figures" />
      <TenantBanner />
      <Notices />
      <main className="mx-auto w-full max-w-[1280px] flex-1 px-4 py-5 sm:px-6 sm:py-6" id="content" tabIndex={-1}>
        <Suspense fallback={null}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}

const PAGE_LINK =
  "inline-flex h-11 items-center border-b-2 border-transparent text-ink-2 quiet-fade hover:text-ink sm:h-14 " +
  "aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink";

function Pages() {
  const exact = { exact: true, includeSearch: false };
  return (
    <nav aria-label="Pages" className="order-last flex w-full gap-5 sm:order-none sm:ml-2 sm:w-auto">
      <Link activeOptions={exact} className={PAGE_LINK} search={{}} to="/">
        Overview
      </Link>
      <Link activeOptions={exact} className={PAGE_LINK} to="/settings">
        Settings
      </Link>
    </nav>
  );
}

function ShopName() {
  const { data } = useQuery(tenantQuery);
  return (
    <p className="min-w-0 flex-1 truncate sm:flex-initial" title={data?.shopDomain}>
      <span className="font-medium">{data?.name ?? data?.shopDomain ?? "\u00a0"}</span>
      {data?.name && data.name !== data.shopDomain && (
        <span className="hidden text-ink-3 lg:inline"> {data.shopDomain}</span>
      )}
    </p>
  );
}

function UserMenu({ username }: { username: string }) {
  const queryClient = useQueryClient();
  const leave = useMutation({
    mutationFn: logOut,
    onSuccess: () => {
      queryClient.clear();
      queryClient.setQueryData(keys.session, null);
      // A full load: nothing of this tenant may stay in memory.
      window.location.assign("/login");
    },
  });
  return (
    <div className="flex items-center gap-1">
      <span className="hidden max-w-40 truncate text-sm text-ink-2 md:inline" title={username}>
        {username}
      </span>
      <button
        className="inline-flex h-11 items-center gap-2 rounded-md px-2.5 text-sm whitespace-nowrap text-ink-2 quiet-fade hover:bg-surface-2 hover:text-ink sm:h-9"
        data-testid="logout"
        disabled={leave.isPending}
        onClick={() => leave.mutate()}
        type="button"
      >
        <LogOut />
        {leave.isError ? "Log out failed, try again" : "Log out"}
      </button>
    </div>
  );
}
