"""Deliveries that tell a pull that there is something to look at: no fact themselves, or too little
of one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction
from libs.common.errors import MessageMalformedError
from libs.common.messaging.fates import Failure
from libs.common.messaging.records import DeliveryRecord
from services.ingestor.deliveries.bodies import Named
from services.ingestor.deliveries.decode import decode_body
from services.ingestor.export_ends import announce_end
from services.ingestor.facts import Observation, Order, Refund
from services.ingestor.pulls.renewal import ask_for_facts
from services.ingestor.pulls.untold import untold_among
from services.ingestor.store.tenants import TenantNotReadyError, TenantRecutError, readiness

_EXPORT_ENDED: Final = "bulk_operations/finish"
_SHOP_CHANGED: Final = "shop/update"
NEWS_TOPICS: Final = frozenset({_EXPORT_ENDED, _SHOP_CHANGED})


class _ExportEnd(Named, kw_only=True):
    """It names no file: that is for the API to tell."""

    admin_graphql_api_id: Annotated[str, msgspec.Meta(max_length=200)]


_EXPORT_END = msgspec.json.Decoder(_ExportEnd)
_SHOP = msgspec.json.Decoder(Named)


async def pass_news(
    engine: AsyncEngine, records: Sequence[DeliveryRecord]
) -> Sequence[Failure[DeliveryRecord]]:
    """Passing them again does no harm. Returns those that cannot be read, or not yet be passed."""
    failures, ends = [], []
    changed: dict[UUID, list[DeliveryRecord]] = {}
    for record in records:
        try:
            if record.type == _EXPORT_ENDED:
                ends.append((record.tenant_id, decode_body(_EXPORT_END, record)))
            else:
                decode_body(_SHOP, record)
                changed.setdefault(record.tenant_id, []).append(record)
        except MessageMalformedError as error:
            failures.append(Failure(record, error))
    if not ends and not changed:
        return failures

    async def work(tx: Transaction) -> Mapping[UUID, TenantNotReadyError]:
        # A pull that recuts has the schedule's row.
        states = (await readiness(tx, changed)).not_ready
        recut = {one: error for one, error in states.items() if isinstance(error, TenantRecutError)}
        await ask_for_facts(tx, changed.keys() - recut.keys())
        for tenant_id, end in ends:
            await announce_end(tx, tenant_id, end.admin_graphql_api_id)
        return recut

    waiting = await in_transaction(engine, work, tenants=changed)
    return failures + [
        Failure(record, error) for one, error in waiting.items() for record in changed[one]
    ]


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
