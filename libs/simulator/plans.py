"""What a shop's plan allows: points for GraphQL, calls for REST."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct


class Rate(Struct, frozen=True):
    """So much at once, and so much more each second."""

    capacity: int
    per_second: int


class Plan(Struct, frozen=True):
    """`public_name` is GraphQL's word for it, `display_name` and `rest_name` are REST's."""

    public_name: str
    display_name: str
    rest_name: str
    points: Rate
    calls: Rate


_STANDARD_POINTS, _STANDARD_CALLS = Rate(2_000, 100), Rate(40, 2)

PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        "development": Plan(
            "Development", "Developer Preview", "partner_test", _STANDARD_POINTS, _STANDARD_CALLS
        ),
        "basic": Plan("Basic", "Basic", "basic", _STANDARD_POINTS, _STANDARD_CALLS),
        "advanced": Plan("Advanced", "Advanced", "unlimited", Rate(4_000, 200), Rate(40, 4)),
        "plus": Plan("Plus", "Shopify Plus", "shopify_plus", Rate(20_000, 1_000), Rate(400, 20)),
    }
)
