"""Facts about the shop itself, and how many objects it says it has."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from libs.common.ids import shopify_id
from services.ingestor.facts import Entity
from services.ingestor.shopify import queries
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.graphql import ShopifyClient

_ALL_ORDERS_SCOPE = "read_all_orders"


class ShopFacts(msgspec.Struct, frozen=True):
    """`sees_all_orders` is false where Shopify shows this app the last 60 days only."""

    id: int
    domain: str
    name: str
    currency: str
    zone: str
    plan: str | None
    taxes_included: bool
    sees_all_orders: bool
    observed_at: datetime


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


async def read_shop(client: ShopifyClient) -> ShopFacts:
    answer = await client.ask(queries.SHOP)
    found = _convert(answer.data, _ShopAnswer)
    shop, scopes = found.shop, found.current_app_installation.access_scopes
    return ShopFacts(
        id=shopify_id(shop.id),
        domain=shop.myshopify_domain,
        name=shop.name,
        currency=shop.currency_code,
        zone=shop.iana_timezone,
        plan=shop.plan.public_display_name,
        taxes_included=shop.taxes_included,
        sees_all_orders=any(scope.handle == _ALL_ORDERS_SCOPE for scope in scopes),
        observed_at=answer.observed_at,
    )


async def count(
    client: ShopifyClient,
    entity: Entity,
    *,
    created_before: datetime | None = None,
    created_since: datetime | None = None,
) -> int | None:
    """How many Shopify has, created within the bounds; None when it will not say exactly."""
    conditions = []
    if created_since is not None:
        conditions.append(f"created_at:>='{_stamp(created_since)}'")
    if created_before is not None:
        conditions.append(f"created_at:<'{_stamp(created_before)}'")
    answer = await client.ask(queries.COUNTS[entity], {"query": " ".join(conditions) or None})
    found = _convert(answer.data.get("found"), _Count)
    return found.count if found.precision == "EXACT" else None


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _convert(data: Any, kind: type[Any]) -> Any:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise AnswerUnreadableError("Shopify's answer has an unknown shape.") from error
