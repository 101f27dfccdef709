import { useSearch } from "@tanstack/react-router";

import { RecoverPage } from "./RecoverPage";

export function RecoverRoute() {
  return <RecoverPage search={useSearch({ from: "/recover" })} />;
}
