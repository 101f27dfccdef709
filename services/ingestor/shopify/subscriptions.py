"""Webhook subscriptions: those we want exist, at our address, however often this runs."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from libs.common.errors import ShopifyRequestError
from libs.common.logs import get_logger
from services.ingestor.shopify import queries
from services.ingestor.shopify.graphql import ShopifyClient

TOPICS: Final = (
    "app/uninstalled",
    "app/scopes_update",
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
)
_TAKEN = "has already been taken"

log = get_logger()


class SubscriptionRefusedError(ShopifyRequestError):
    """Shopify will not tell us about a topic, so the shop would silently grow stale."""

    code = "SHOPIFY_SUBSCRIPTION_REFUSED"


@dataclass(frozen=True, slots=True)
class _Subscription:
    id: str
    topic: str
    uri: str


async def ensure_subscriptions(client: ShopifyClient, webhooks_url: str) -> None:
    """Subscribe to every topic that is missing, then drop subscriptions at other addresses.

    Raises SubscriptionRefusedError when Shopify refuses one.
    """
    wanted = {_enum(topic): f"{webhooks_url}/webhooks/{topic}" for topic in TOPICS}
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
        page: dict[str, Any] = answer.data["webhookSubscriptions"]
        found += [_Subscription(node["id"], node["topic"], node["uri"]) for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def _subscribe(client: ShopifyClient, topic: str, uri: str) -> None:
    subscription = {"uri": uri, "format": "JSON"}
    answer = await client.ask(queries.SUBSCRIBE, {"topic": topic, "subscription": subscription})
    for error in answer.data["webhookSubscriptionCreate"]["userErrors"]:
        if _TAKEN not in error["message"]:
            raise SubscriptionRefusedError(
                f"Shopify refused the webhook subscription for {topic}.", answer=error["message"]
            )


async def _unsubscribe(client: ShopifyClient, subscription: _Subscription) -> None:
    # One that is gone already is what we wanted; what else may be wrong does no harm.
    await client.ask(queries.UNSUBSCRIBE, {"id": subscription.id})


def _enum(topic: str) -> str:
    return topic.upper().replace("/", "_")
