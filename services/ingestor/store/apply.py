"""The one way a fact enters the store, from a delivery or a pull alike.

In the caller's transaction facts and rollups change together; what is not newer changes nothing,
so any batch may be applied again, in any order, in part or whole.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.facts import Observation
from services.ingestor.store.deletions import delete_entities
from services.ingestor.store.entities import CUSTOMERS, PRODUCTS, write_entities
from services.ingestor.store.folding import Batch, fold
from services.ingestor.store.kinds import write_kinds
from services.ingestor.store.lines import write_lines
from services.ingestor.store.orders import add_stand_ins, write_orders
from services.ingestor.store.refunds import add_refunds, move_refunds
from services.ingestor.store.tenants import lock_tenants, raise_versions


async def apply_observations(
    tx: Transaction, observations: Sequence[Observation]
) -> Mapping[UUID, int]:
    """Apply facts of one or more tenants; `tx` must have been opened for all of them.

    Returns the new data version of each tenant whose data changed. Holds each tenant's lock (see
    `tenants`) until the transaction ends. Raises ShopFactsMissingError and OrderMissingError,
    both to be tried again later.
    """
    batch = fold(observations)
    if not batch.tenants:
        return {}
    await lock_tenants(tx, batch.tenants)
    changed = await write_entities(tx, CUSTOMERS, batch.customers)
    changed |= await write_entities(tx, PRODUCTS, batch.products)
    changed |= await _apply_orders(tx, batch)
    changed |= await delete_entities(tx, batch.deletions)
    changed |= await write_kinds(tx, batch.kinds)
    return await raise_versions(tx, changed)


async def _apply_orders(tx: Transaction, batch: Batch) -> set[UUID]:
    changed = await add_stand_ins(tx, batch.orders)
    written = await write_orders(tx, batch.orders)
    changed |= {order.tenant_id for order in written if order.changed}
    changed |= await write_lines(tx, written)
    await move_refunds(tx, written)
    changed |= await add_refunds(tx, batch.refunds, written)
    return changed
