"""Who asks, of which shop: what every field may need."""

from typing import TYPE_CHECKING

from msgspec import Struct

from libs.simulator.pages import Listings
from libs.simulator.search import Term
from libs.simulator.shops import Shop
from libs.simulator.times import now_seconds

if TYPE_CHECKING:
    from libs.simulator.bulk import BulkRunner

_RECENT_SECONDS = 60 * 86_400


class Address(Struct, frozen=True):
    """How the simulator was reached: itself, and the shop, by its host or by its path."""

    base_url: str
    shop_url: str


class Context(Struct, frozen=True):
    shop: Shop
    scopes: frozenset[str]
    address: Address
    api_version: str
    listings: Listings
    bulk: "BulkRunner"

    def may(self, scope: str) -> bool:
        """A write scope implies its read scope."""
        return scope in self.scopes or scope.replace("read_", "write_", 1) in self.scopes

    def order_terms(self) -> list[Term]:
        """Without read_all_orders an app sees the orders of the last 60 days only."""
        if self.may("read_all_orders"):
            return []
        return [Term("created_at", ">=", now_seconds() - _RECENT_SECONDS)]
