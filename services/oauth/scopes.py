"""Access scopes: what was asked for, and what of it was granted."""

from collections.abc import Iterable

OPTIONAL_SCOPES = frozenset(
    {
        "read_all_orders",
        "read_inventory",
        "read_locations",
        "read_discounts",
        "read_draft_orders",
    }
)
"""Without `read_all_orders`, which Shopify grants apart, a shop's history is its last 60 days;
without another of these, the entities that need it are left out."""


def missing_scopes(asked: Iterable[str], granted: Iterable[str]) -> list[str]:
    """What was asked for and cannot be done without. `write_x` grants `read_x` too."""
    held = set(granted)
    held |= {"read_" + scope.removeprefix("write_") for scope in held if scope.startswith("write_")}
    return sorted(set(asked) - held - OPTIONAL_SCOPES)
