import { useSearch } from "@tanstack/react-router";

import { OverviewPage } from "./OverviewPage";

export function OverviewRoute() {
  return <OverviewPage search={useSearch({ from: "/signed-in/" })} />;
}
