"""Webhook subscriptions: those we want exist, at our address, however often this runs."""

import asyncio
from typing import Final

import msgspec

from libs.common.errors import ShopifyRequestError
from libs.common.logs import get_logger
from services.ingestor.kinds.registry import KINDS
from services.ingestor.shopify import queries
from services.ingestor.shopify.answers import converted
from services.ingestor.shopify.graphql import ShopifyClient

TOPICS: Final = (
    "app/uninstalled",
    "app/scopes_update",
    "bulk_operations/finish",
    "customers/create",
    "customers/update",
    "customers/delete",
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "orders/delete",
    "refunds/create",
    "products/create",
    "products/update",
    "products/delete",
    "shop/update",
)
_TAKEN = "has already been taken"

log = get_logger()


class SubscriptionRefusedError(ShopifyRequestError):
    """Shopify will not tell us about a topic, so the shop would silently grow stale."""

    code = "SHOPIFY_SUBSCRIPTION_REFUSED"


class _Subscription(msgspec.Struct, frozen=True):
    id: str
    topic: str
    uri: str


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class _Page(msgspec.Struct, rename="camel"):
    page_info: _PageInfo
    nodes: list[_Subscription]


class _UserError(msgspec.Struct):
    message: str


class _Created(msgspec.Struct, rename="camel"):
    user_errors: list[_UserError]


def topics_for(scopes: frozenset[str]) -> frozenset[str]:
    """What we want to hear of a shop that granted `scopes`."""
    further = (kind.topics for kind in KINDS.values() if kind.is_granted(scopes))
    return frozenset(TOPICS).union(*further)


async def ensure_subscriptions(
    client: ShopifyClient, webhooks_url: str, scopes: frozenset[str]
) -> None:
    """Subscribe to every topic that is missing, then drop subscriptions at other addresses.

    Raises SubscriptionRefusedError when Shopify refuses one.
    """
    wanted = {_enum(topic): f"{webhooks_url}/webhooks/{topic}" for topic in topics_for(scopes)}
    existing = await _list(client)
    present = {(each.topic, each.uri) for each in existing}
    missing = [(topic, uri) for topic, uri in wanted.items() if (topic, uri) not in present]
    stale = [each for each in existing if each.uri != wanted.get(each.topic, each.uri)]
    await asyncio.gather(*(_subscribe(client, topic, uri) for topic, uri in missing))
    await asyncio.gather(*(_unsubscribe(client, each) for each in stale))
    log.info("webhooks_subscribed", created=len(missing), dropped=len(stale))


async def _list(client: ShopifyClient) -> list[_Subscription]:
    found: list[_Subscription] = []
    after: str | None = None
    while True:
        answer = await client.ask(queries.SUBSCRIPTIONS, {"after": after})
        page = converted(answer.data.get("webhookSubscriptions"), _Page)
        found += page.nodes
        if not page.page_info.has_next_page:
            return found
        after = page.page_info.end_cursor


async def _subscribe(client: ShopifyClient, topic: str, uri: str) -> None:
    subscription = {"uri": uri, "format": "JSON"}
    answer = await client.ask(queries.SUBSCRIBE, {"topic": topic, "subscription": subscription})
    created = converted(answer.data.get("webhookSubscriptionCreate"), _Created)
    for error in created.user_errors:
        if _TAKEN not in error.message:
            raise SubscriptionRefusedError(
                f"Shopify refused the webhook subscription for {topic}.", answer=error.message
            )


async def _unsubscribe(client: ShopifyClient, subscription: _Subscription) -> None:
    # One that is gone already is what we wanted; what else may be wrong does no harm.
    await client.ask(queries.UNSUBSCRIBE, {"id": subscription.id})


def _enum(topic: str) -> str:
    return topic.upper().replace("/", "_")
