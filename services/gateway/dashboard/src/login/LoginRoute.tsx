import { useSearch } from "@tanstack/react-router";

import { LoginPage } from "./LoginPage";

export function LoginRoute() {
  const { next } = useSearch({ from: "/login" });
  return <LoginPage next={next} />;
}
