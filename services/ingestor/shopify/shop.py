"""Facts about the shop itself, and how many objects it says it has."""

from datetime import datetime

import msgspec

from libs.common.ids import shopify_id
from services.ingestor.facts import Entity
from services.ingestor.kinds.registry import KINDS
from services.ingestor.shopify import queries
from services.ingestor.shopify.answers import converted
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.windows import Window

_ALL_ORDERS_SCOPE = "read_all_orders"


class ShopFacts(msgspec.Struct, frozen=True):
    """`scopes` are what the app was granted, `served_version` is the version of its API in which
    Shopify told all this.
    """

    id: int
    domain: str
    name: str
    currency: str
    zone: str
    plan: str | None
    taxes_included: bool
    scopes: frozenset[str]
    served_version: str | None
    observed_at: datetime

    @property
    def sees_all_orders(self) -> bool:
        """Otherwise Shopify shows this app the last 60 days only."""
        return _ALL_ORDERS_SCOPE in self.scopes


class _Plan(msgspec.Struct, rename="camel"):
    public_display_name: str | None = None


class _Shop(msgspec.Struct, rename="camel"):
    id: str
    name: str
    myshopify_domain: str
    currency_code: str
    iana_timezone: str
    taxes_included: bool
    plan: _Plan


class _Scope(msgspec.Struct):
    handle: str


class _Installation(msgspec.Struct, rename="camel"):
    access_scopes: list[_Scope]


class _ShopAnswer(msgspec.Struct, rename="camel"):
    shop: _Shop
    current_app_installation: _Installation


class _Count(msgspec.Struct):
    count: int
    precision: str


class _Created(msgspec.Struct, rename="camel"):
    created_at: datetime


class _CreatedNodes(msgspec.Struct):
    nodes: list[_Created]


class _OrderSpan(msgspec.Struct):
    oldest: _CreatedNodes
    newest: _CreatedNodes


async def read_shop(client: ShopifyClient) -> ShopFacts:
    answer = await client.ask(queries.SHOP)
    found = converted(answer.data, _ShopAnswer)
    shop, scopes = found.shop, found.current_app_installation.access_scopes
    return ShopFacts(
        id=shopify_id(shop.id),
        domain=shop.myshopify_domain,
        name=shop.name,
        currency=shop.currency_code,
        zone=shop.iana_timezone,
        plan=shop.plan.public_display_name,
        taxes_included=shop.taxes_included,
        scopes=frozenset(scope.handle for scope in scopes),
        served_version=answer.served_version,
        observed_at=answer.observed_at,
    )


async def count(client: ShopifyClient, entity: Entity, window: Window | None = None) -> int | None:
    """How many of the window Shopify has; None when it will not say exactly.

    A further entity is counted as a whole.
    """
    search = window.search() if window else ""
    document = queries.COUNTS.get(entity)
    if document is None:
        return None
    variables = {} if entity in KINDS else {"query": search or None}
    answer = await client.ask(document, variables)
    found = converted(answer.data.get("found"), _Count)
    return found.count if found.precision == "EXACT" else None


async def read_order_span(client: ShopifyClient) -> tuple[datetime, datetime] | None:
    """When the oldest and the newest order were created; None without orders."""
    answer = await client.ask(queries.ORDER_SPAN)
    found = converted(answer.data, _OrderSpan)
    if not (found.oldest.nodes and found.newest.nodes):
        return None
    return found.oldest.nodes[0].created_at, found.newest.nodes[0].created_at
