"""Deliveries that tell a pull that there is something to look at: no fact themselves, or too little
of one.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction
from libs.common.messaging.records import DeliveryRecord
from services.ingestor.deliveries.bodies import Named
from services.ingestor.deliveries.decode import decode_body
from services.ingestor.export_ends import announce_end
from services.ingestor.facts import Observation, Order, Refund
from services.ingestor.pulls.renewal import ask_for_facts
from services.ingestor.pulls.untold import untold_among
from services.ingestor.store.recut import refuse_recut

_EXPORT_ENDED: Final = "bulk_operations/finish"
_SHOP_CHANGED: Final = "shop/update"
NEWS_TOPICS: Final = frozenset({_EXPORT_ENDED, _SHOP_CHANGED})


class _ExportEnd(Named, kw_only=True):
    """It names no file: that is for the API to tell."""

    admin_graphql_api_id: Annotated[str, msgspec.Meta(max_length=200)]


_EXPORT_END = msgspec.json.Decoder(_ExportEnd)
_SHOP = msgspec.json.Decoder(Named)


async def pass_news(engine: AsyncEngine, records: Sequence[DeliveryRecord]) -> None:
    """Passing them again does no harm. Raises MessageMalformedError and
    TenantRecutError; then none is passed.
    """
    if not records:
        return
    ends, changed = [], set()
    for record in records:
        if record.type == _EXPORT_ENDED:
            ends.append((record.tenant_id, decode_body(_EXPORT_END, record)))
        else:
            decode_body(_SHOP, record)
            changed.add(record.tenant_id)

    async def work(tx: Transaction) -> None:
        if changed:
            # A pull that recuts has the schedule's row.
            await refuse_recut(tx, changed)
            await ask_for_facts(tx, changed)
        for tenant_id, end in ends:
            await announce_end(tx, tenant_id, end.admin_graphql_api_id)

    await in_transaction(engine, work)


async def ask_for_untold(engine: AsyncEngine, observations: Iterable[Observation]) -> None:
    """Have the orders read whose refunds these could not tell, where that was not done yet.

    After they were applied, and in a transaction of its own: a pull locks the schedule before the
    facts.
    """
    if not (orders := set(_untold(observations))):
        return

    async def work(tx: Transaction) -> None:
        if tenants := await untold_among(tx, orders):
            await ask_for_facts(tx, tenants)

    await in_transaction(engine, work, tenants={tenant_id for tenant_id, _ in orders})


def _untold(observations: Iterable[Observation]) -> Iterator[tuple[UUID, int]]:
    for each in observations:
        match each.fact:
            case Order(refunds=refunds):
                found: Iterable[Refund] = refunds
            case Refund():
                found = (each.fact,)
            case _:
                continue
        yield from ((each.tenant_id, refund.order_id) for refund in found if refund.amount is None)
