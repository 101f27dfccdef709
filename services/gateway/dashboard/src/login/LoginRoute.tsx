import { useSearch } from "@tanstack/react-router";

import { LoginPage } from "./LoginPage";

export function LoginRoute() {
  const { next, ended } = useSearch({ from: "/login" });
  return <LoginPage ended={ended === true} next={next} />;
}
