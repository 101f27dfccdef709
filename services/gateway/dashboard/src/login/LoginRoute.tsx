import { useSearch } from "@tanstack/react-router";

import { LoginPage } from "./LoginPage";

export function LoginRoute() {
  return <LoginPage search={useSearch({ from: "/login" })} />;
}
