"""Refunds whose amount no delivery tells in the shop's currency: their orders are read again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.logs import get_logger
from services.ingestor.facts import Observation
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.pages import read_order
from services.ingestor.store.apply import apply_observations

_AT_ONCE = 50

_AMONG = text("""
SELECT DISTINCT tenant_id FROM store.refunds
WHERE tenant_id = ANY (:tenants) AND order_id = ANY (:orders) AND untold
""")

_ORDERS = text("""
SELECT DISTINCT refund.order_id
FROM store.refunds AS refund
JOIN store.orders AS owner ON owner.tenant_id = refund.tenant_id AND owner.id = refund.order_id
WHERE refund.tenant_id = :tenant_id AND refund.untold AND owner.deleted_at IS NULL
ORDER BY refund.order_id LIMIT :at_most
""")

# A refund that was made after the order was seen is asked for again.
_GIVE_UP = text("""
UPDATE store.refunds AS held SET untold = false
FROM unnest(CAST(:orders AS bigint[]), CAST(:seen AS timestamptz[])) AS read(order_id, seen_at)
WHERE held.tenant_id = :tenant_id AND held.order_id = read.order_id AND held.untold
    AND coalesce(held.created_at, '-infinity') <= read.seen_at
""")

log = get_logger()


class ReadAgain(NamedTuple):
    """Orders as Shopify shows them, and when each was asked for; `more` are left."""

    observations: Sequence[Observation]
    seen: Mapping[int, datetime]
    more: bool


async def untold_among(tx: Transaction, orders: Collection[tuple[UUID, int]]) -> set[UUID]:
    """The tenants of those of `orders` that have a refund whose amount is still to be read."""
    tenants, ids = zip(*orders, strict=True)
    return set(await tx.scalars(_AMONG, {"tenants": list(set(tenants)), "orders": list(ids)}))


async def read_untold(engine: AsyncEngine, tenant_id: UUID, client: ShopifyClient) -> ReadAgain:
    """Ask Shopify for the next orders whose refunds are still to be read."""
    async with transaction(engine, tenants=[tenant_id]) as tx:
        orders = (await tx.scalars(_ORDERS, {"tenant_id": tenant_id, "at_most": _AT_ONCE})).all()
    observations: list[Observation] = []
    seen: dict[int, datetime] = {}
    for order_id in orders:
        seen[order_id] = utc_now()
        if (found := await read_order(client, "orders", order_id)) is not None:
            fact, seen[order_id] = found
            observations.append(
                Observation(tenant_id=tenant_id, fact=fact, observed_at=seen[order_id], pulled=True)
            )
    return ReadAgain(observations, seen, more=len(orders) == _AT_ONCE)


async def apply_read(tx: Transaction, tenant_id: UUID, read: ReadAgain) -> Mapping[UUID, int]:
    """See `apply_observations`. What Shopify did not show is left to the next pull that sees it."""
    versions = await apply_observations(tx, read.observations)
    given = {"orders": list(read.seen), "seen": list(read.seen.values())}
    left = (await tx.execute(_GIVE_UP, given | {"tenant_id": tenant_id})).rowcount
    if left:
        log.warning("refund_amounts_not_shown", tenant_id=str(tenant_id), refunds=left)
    return versions
