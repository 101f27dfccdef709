import { useSearch } from "@tanstack/react-router";

import { ConnectPage } from "./ConnectPage";

export function ConnectRoute() {
  return <ConnectPage search={useSearch({ from: "/connect" })} />;
}
