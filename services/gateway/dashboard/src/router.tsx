/** The pages and what their URLs hold. */

import type { QueryClient } from "@tanstack/react-query";
import {
  Outlet,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { Suspense } from "react";

import {
  ingestionQuery,
  pullsQuery,
  sessionQuery,
  summaryQuery,
  tenantQuery,
  topCustomersQuery,
} from "./api/queries";
import type { ConnectSearch } from "./connect/ConnectPage";
import type { LoginSearch } from "./login/LoginPage";
import { parseSearch } from "./overview/ranges";
import type { RecoverSearch } from "./recover/RecoverPage";
import { NotFoundPage } from "./shell/NotFoundPage";
import { PageErrorPage } from "./shell/PageErrorPage";

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: () => (
    <Suspense fallback={null}>
      <Outlet />
    </Suspense>
  ),
  notFoundComponent: NotFoundPage,
  errorComponent: PageErrorPage,
});

function optionalText(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): LoginSearch => {
    const next = optionalText(search.next);
    return {
      ...(next && { next }),
      ...(search.ended === true && { ended: true as const }),
    };
  },
  component: lazyRouteComponent(() => import("./login/LoginRoute"), "LoginRoute"),
});

const connect = createRoute({
  getParentRoute: () => root,
  path: "/connect",
  validateSearch: (search: Record<string, unknown>): ConnectSearch => ({
    error: optionalText(search.error),
    requestId: optionalText(search.requestId),
    shop: optionalText(search.shop),
  }),
  component: lazyRouteComponent(() => import("./connect/ConnectRoute"), "ConnectRoute"),
});

const recover = createRoute({
  getParentRoute: () => root,
  path: "/recover",
  validateSearch: (search: Record<string, unknown>): RecoverSearch => ({
    error: optionalText(search.error),
    requestId: optionalText(search.requestId),
  }),
  component: lazyRouteComponent(() => import("./recover/RecoverRoute"), "RecoverRoute"),
});

const deletion = createRoute({
  getParentRoute: () => root,
  path: "/deletion",
  component: lazyRouteComponent(() => import("./deletion/DeletionPage"), "DeletionPage"),
});

const welcome = createRoute({
  getParentRoute: () => root,
  path: "/welcome",
  component: lazyRouteComponent(() => import("./welcome/WelcomePage"), "WelcomePage"),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (!session) {
      const next = location.href;
      throw redirect({ to: "/login", search: next === "/" ? {} : { next } });
    }
  },
  component: lazyRouteComponent(() => import("./shell/AppShell"), "AppShell"),
});

const overview = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  validateSearch: parseSearch,
  // Asked for while the page's code is still on its way.
  loader: ({ context: { queryClient } }) => {
    void queryClient.prefetchQuery(summaryQuery);
    void queryClient.prefetchQuery(tenantQuery);
    void queryClient.prefetchQuery(topCustomersQuery);
  },
  component: lazyRouteComponent(() => import("./overview/OverviewRoute"), "OverviewRoute"),
});

const settings = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings",
  loader: ({ context: { queryClient } }) => {
    void queryClient.prefetchQuery(tenantQuery);
    void queryClient.prefetchQuery(ingestionQuery);
    void queryClient.prefetchQuery(pullsQuery);
  },
  component: lazyRouteComponent(() => import("./settings/SettingsPage"), "SettingsPage"),
});

const routeTree = root.addChildren([
  login,
  connect,
  recover,
  deletion,
  welcome,
  signedIn.addChildren([overview, settings]),
]);

export function createAppRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: false,
    scrollRestoration: false,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
