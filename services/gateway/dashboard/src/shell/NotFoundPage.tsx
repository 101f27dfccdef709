import { Link } from "@tanstack/react-router";

import { buttonStyles } from "../ui/Button";
import { usePageTitle } from "../ui/usePageTitle";
import { EntryFrame } from "./EntryFrame";

export function NotFoundPage() {
  usePageTitle("Page not found");
  return (
    <EntryFrame>
      <h1 className="text-xl font-semibold">There is no such page</h1>
      <p className="mt-2 mb-6 text-ink-2">
        The address may be mistyped, or the page has moved. Your figures are where they were.
      </p>
      <Link className={buttonStyles.primary} to="/">
        Go to the overview
      </Link>
    </EntryFrame>
  );
}
