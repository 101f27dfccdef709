"""Refunds whose amount no delivery tells in the shop's currency: their orders are read again."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, transaction
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

_GIVE_UP = text("""
UPDATE store.refunds SET untold = false
WHERE tenant_id = :tenant_id AND order_id = ANY (:orders) AND untold
""")


class ReadAgain(NamedTuple):
    """Orders as Shopify shows them, and those that it does not; `more` are left."""

    observations: Sequence[Observation]
    hidden: Sequence[int]
    more: bool


async def untold_among(tx: Transaction, orders: Collection[tuple[UUID, int]]) -> set[UUID]:
    """The tenants of those of `orders` that have a refund whose amount is still to be read."""
    tenants, ids = zip(*orders, strict=True)
    return set(await tx.scalars(_AMONG, {"tenants": list(set(tenants)), "orders": list(ids)}))


async def read_untold(engine: AsyncEngine, tenant_id: UUID, client: ShopifyClient) -> ReadAgain:
    """Ask Shopify for the next orders whose refunds are still to be read."""
    async with transaction(engine, tenants=[tenant_id]) as tx:
        orders = (await tx.scalars(_ORDERS, {"tenant_id": tenant_id, "at_most": _AT_ONCE})).all()
    observations, hidden = [], []
    for order_id in orders:
        if (found := await read_order(client, "orders", order_id)) is None:
            hidden.append(order_id)
            continue
        fact, at = found
        observations.append(
            Observation(tenant_id=tenant_id, fact=fact, observed_at=at, pulled=True)
        )
    return ReadAgain(observations, hidden, more=len(orders) == _AT_ONCE)


async def apply_read(tx: Transaction, tenant_id: UUID, read: ReadAgain) -> Mapping[UUID, int]:
    """See `apply_observations`. What Shopify does not show is not asked for again."""
    versions = await apply_observations(tx, read.observations)
    if read.hidden:
        await tx.execute(_GIVE_UP, {"tenant_id": tenant_id, "orders": list(read.hidden)})
    return versions
