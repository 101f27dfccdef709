"""Reads a shop's own facts again as soon as Shopify says that they changed; and the orders of
refunds of which a delivery told too little.

Beside the pulls, so that neither a pause of the schedule nor a pull of hours holds it up. The
delivery only asks for it: its body names plans in other words than the API, may leave out the
zone, and when it was sent is not signed.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import PermanentError, TransientError
from libs.common.events.contracts import StoreChanged
from libs.common.logs import get_logger
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import HINTS
from services.ingestor.pulls.shop_facts import ShopChange, save_shop, tell_of_version
from services.ingestor.pulls.untold import ReadAgain, apply_read, read_untold
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.shop import ShopFacts, read_shop

_POLL_SECONDS = 1.0
_AT_ONCE = 8
_AGAIN = timedelta(minutes=1)
"""After a claim that came to nothing, whatever the reason. One that is at work is prolonged."""

# In the order of their ids, so that two batches cannot wait for each other in a circle.
_ASK = text("""
UPDATE store.schedule AS mine SET facts_due_at = now()
FROM (
    SELECT tenant_id FROM store.schedule WHERE tenant_id = ANY (:tenants)
    ORDER BY tenant_id FOR UPDATE
) AS asked
WHERE mine.tenant_id = asked.tenant_id
""")

_CLAIM = text("""
UPDATE store.schedule AS mine SET facts_due_at = now() + :again
FROM (
    SELECT tenant_id FROM store.schedule
    WHERE facts_due_at <= now() AND tenant_id <> ALL (CAST(:running AS uuid[]))
    ORDER BY facts_due_at LIMIT :at_most FOR UPDATE SKIP LOCKED
) AS due
WHERE mine.tenant_id = due.tenant_id
RETURNING mine.tenant_id, mine.facts_due_at
""")

# Neither this nor the next when it was asked for again meanwhile.
_PROLONG = text("""
UPDATE store.schedule SET facts_due_at = clock_timestamp() + :again
WHERE tenant_id = :tenant_id AND facts_due_at = :due_at
RETURNING facts_due_at
""")

_DONE = text("""
UPDATE store.schedule SET facts_due_at = NULL
WHERE tenant_id = :tenant_id AND facts_due_at = :due_at
""")

log = get_logger()


class Due(NamedTuple):
    tenant_id: UUID
    due_at: datetime


async def ask_for_facts(tx: Transaction, tenants: Collection[UUID]) -> None:
    """Have the facts of these tenants' shops read again, and what refunds lack; nothing for one
    that never connected.
    """
    await tx.execute(_ASK, {"tenants": list(tenants)})


class Renewals:
    """`client_of` gives a client bound to the tenant's shop; `again` is how long a claim lasts."""

    def __init__(
        self,
        engine: AsyncEngine,
        publisher: Publisher,
        client_of: Callable[[UUID], ShopifyClient],
        *,
        again: timedelta = _AGAIN,
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._client_of = client_of
        self._again = again
        self._running: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._start_due()
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await _end(*self._running.values())

    async def _start_due(self) -> None:
        free = _AT_ONCE - len(self._running)
        if free <= 0:
            return
        try:
            async with transaction(self._engine) as tx:
                given = {"again": self._again, "at_most": free, "running": list(self._running)}
                found = [Due(*row) for row in await tx.execute(_CLAIM, given)]
        except TransientError as error:
            log.warning("renewals_not_claimed", code=error.code)
            return
        for due in found:
            task = asyncio.create_task(self._renew(due))
            self._running[due.tenant_id] = task
            task.add_done_callback(partial(self._ended, due.tenant_id))

    def _ended(self, tenant_id: UUID, task: asyncio.Task[None]) -> None:
        del self._running[tenant_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("facts_renewal_crashed", exc_info=error)

    async def _renew(self, due: Due) -> None:
        tenant_id = str(due.tenant_id)
        reading = asyncio.create_task(self._read(due.tenant_id))
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=self._again.total_seconds() / 3)
                due = await self._prolong(due)
            await self._announce(due.tenant_id, await self._apply(due, reading.result()))
        except PermanentError as error:
            # Whatever lets us in again begins with a pull, which reads the facts.
            log.warning("facts_not_renewed", tenant_id=tenant_id, code=error.code)
            await self._write_done(due)
        except TransientError as error:
            log.warning("facts_renewal_postponed", tenant_id=tenant_id, code=error.code)
        else:
            log.info("facts_renewed", tenant_id=tenant_id)
        finally:
            await _end(reading)

    async def _read(self, tenant_id: UUID) -> ReadAgain:
        """The facts, which are kept at once; and the orders of refunds that lack something."""
        client = self._client_of(tenant_id)
        shop = await read_shop(client)
        changed = await self._save(tenant_id, shop)
        tell_of_version(changed, shop, client.asked_version)
        await self._announce(tenant_id, changed.version)
        return await read_untold(self._engine, tenant_id, client)

    async def _save(self, tenant_id: UUID, shop: ShopFacts) -> ShopChange:
        async def work(tx: Transaction) -> ShopChange:
            return await save_shop(tx, tenant_id, shop, with_history=False)

        return await in_transaction(self._engine, work, tenants=[tenant_id])

    async def _apply(self, due: Due, read: ReadAgain) -> int | None:
        """Returns the tenant's new data version."""

        async def work(tx: Transaction) -> Mapping[UUID, int]:
            # The schedule first, as the pulls lock it.
            if read.more:
                await ask_for_facts(tx, [due.tenant_id])
            else:
                await tx.execute(_DONE, due._asdict())
            return await apply_read(tx, due.tenant_id, read)

        versions = await in_transaction(self._engine, work, tenants=[due.tenant_id])
        return versions.get(due.tenant_id)

    async def _prolong(self, due: Due) -> Due:
        """So that nobody begins the same beside it, however long it takes."""
        given = {"again": self._again, **due._asdict()}
        try:
            async with transaction(self._engine) as tx:
                due_at = await tx.scalar(_PROLONG, given)
        except TransientError as error:
            log.warning("renewal_not_prolonged", code=error.code)
            return due
        return due._replace(due_at=due_at or due.due_at)

    async def _write_done(self, due: Due) -> None:
        try:
            async with transaction(self._engine) as tx:
                await tx.execute(_DONE, due._asdict())
        except TransientError as error:
            log.warning("renewal_not_settled", code=error.code)

    async def _announce(self, tenant_id: UUID, version: int | None) -> None:
        if version is not None:
            hint = StoreChanged(tenant_id=tenant_id, data_version=version)
            await self._publisher.publish_transient(HINTS, hint.TYPE, hint.to_json())


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
