"""Works the checks off, beside the pulls: a turn is one question about one tenant's shop.

A tenant that has more waits for its next turn behind all others, and one whose shop cannot be asked
waits alone. The state is in the rows: a killed worker's turns are taken over after their lease.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.notices import listen
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import PlatformError, TransientError
from libs.common.events.contracts import StoreChanged
from libs.common.logs import get_logger
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import HINTS
from libs.common.security_events import SecurityEvent, record_security_event
from services.ingestor.deletions import repository
from services.ingestor.deletions.checks import CHANNEL, REDACT
from services.ingestor.deletions.question import MAX_IDS, find_gone
from services.ingestor.deletions.repository import Check, Turn, TurnLostError
from services.ingestor.deletions.settling import Settled, settle
from services.ingestor.shopify.graphql import ShopifyClient

_POLL_SECONDS = 1.0
_RENEW_SECONDS = 3.0
_TURNS_LIMIT = 32
"""Of this process at once. Most of a turn is a wait for Shopify."""

SHOWN_HISTORY: Final = timedelta(days=60)
"""Orders created before are shown to apps with read_all_orders only."""

log = get_logger()


class DeletionChecks:
    """`client_of` gives a client bound to the tenant's shop."""

    def __init__(
        self,
        engine: AsyncEngine,
        publisher: Publisher,
        client_of: Callable[[UUID], ShopifyClient],
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._client_of = client_of
        self._woken = asyncio.Event()
        self._turns: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled; then every turn is given back before this returns."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(listen(self._engine, CHANNEL, lambda _: self._woken.set()))
                while True:
                    self._woken.clear()
                    await self._start_due()
                    await self._wait()
        finally:
            await _end(*self._turns)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _start_due(self) -> None:
        free = _TURNS_LIMIT - len(self._turns)
        if free <= 0:
            return
        try:
            async with transaction(self._engine) as tx:
                turns = await repository.claim(tx, free)
        except TransientError as error:
            log.warning("deletion_checks_not_claimed", code=error.code)
            return
        for turn in turns:
            task = asyncio.create_task(self._take(turn))
            self._turns.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("deletion_checks_crashed", exc_info=error)

    async def _take(self, turn: Turn) -> None:
        structlog.contextvars.bind_contextvars(tenant_id=str(turn.tenant_id))
        try:
            checks = await self._read_due(turn)
            settled = await settle(self._engine, turn, checks, await self._find_gone(turn, checks))
        except asyncio.CancelledError:
            await self._write(turn, repository.give_back)
            raise
        except TurnLostError:
            log.warning("deletion_turn_lost")
        except PlatformError as error:
            log.warning("deletion_checks_postponed", code=error.code, reason=error.message)
            await self._write(turn, repository.postpone_turn)
        except Exception:
            await self._write(turn, repository.postpone_turn)
            raise
        else:
            await self._tell(turn, settled)

    async def _read_due(self, turn: Turn) -> Sequence[Check]:
        async with transaction(self._engine, tenants=[turn.tenant_id]) as tx:
            return await repository.read_due(tx, turn.tenant_id, MAX_IDS, SHOWN_HISTORY)

    async def _find_gone(self, turn: Turn, checks: Sequence[Check]) -> set[Check]:
        """Holds the lease however long Shopify takes."""
        asking = asyncio.create_task(find_gone(self._client_of(turn.tenant_id), checks))
        try:
            while not (await asyncio.wait({asking}, timeout=_RENEW_SECONDS))[0]:
                await self._write(turn, repository.renew)
            return asking.result()
        finally:
            await _end(asking)

    async def _write(self, turn: Turn, change: Callable[[Transaction, Turn], Any]) -> None:
        try:
            async with transaction(self._engine) as tx:
                await change(tx, turn)
        except TransientError as error:
            log.warning("deletion_turn_not_written", code=error.code)

    async def _tell(self, turn: Turn, settled: Settled) -> None:
        tenant_id = str(turn.tenant_id)
        for topic, number in settled.disproved.items():
            record_security_event(
                SecurityEvent.DELETION_DISPROVED, tenant_id=tenant_id, topic=topic, deletions=number
            )
        if settled.held:
            record_security_event(
                SecurityEvent.REDACT_DISPROVED,
                tenant_id=tenant_id,
                topic=REDACT,
                requests=settled.held,
            )
        log.info("deletions_checked", applied=settled.applied)
        if settled.version is not None:
            hint = StoreChanged(tenant_id=turn.tenant_id, data_version=settled.version)
            if not await self._publisher.publish_transient(HINTS, hint.TYPE, hint.to_json()):
                log.info("hint_lost", data_version=settled.version)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
