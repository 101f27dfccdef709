"""Windows of creation time, as Shopify's search syntax has them."""

from datetime import UTC, datetime

import msgspec


class Window(msgspec.Struct, frozen=True, omit_defaults=True):
    """Records created at `since` or later and before `before`. Shopify compares whole seconds.

    A creation time never changes, so a record is in one of two windows that meet, for good.
    """

    since: datetime | None = None
    before: datetime | None = None

    def search(self) -> str:
        """The search that finds the window; empty for all time."""
        conditions = []
        if self.since is not None:
            conditions.append(f"created_at:>='{stamp(self.since)}'")
        if self.before is not None:
            conditions.append(f"created_at:<'{stamp(self.before)}'")
        return " ".join(conditions)

    def within(self, since: datetime | None, before: datetime | None) -> "Window":
        """What this window has in common with another."""
        return Window(
            since=max(filter(None, (self.since, since)), default=None),
            before=min(filter(None, (self.before, before)), default=None),
        )


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
