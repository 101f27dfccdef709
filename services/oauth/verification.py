"""Asks Shopify whether a shop has really left, acts on the answer, and begins erasures when due.

Every replica works on this. One step is one transaction under one shop's lock; a process that is
killed leaves its step undone, and another takes it up. While the brake is on, nothing is done.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import TransientError
from libs.common.logs import get_logger
from libs.common.security_events import SecurityEvent, record_security_event
from services.oauth import brake, departures, erasures, offboarding, repository
from services.oauth.access import Access, AccessCheck
from services.oauth.departures import Departure
from services.oauth.repository import Shop

ASKED_AGAIN_AFTER = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""While a token works. An uninstall ends it at once: what works to the last was not uninstalled."""

_FIRST_PAUSE = timedelta(minutes=1)
_MAX_PAUSE = timedelta(hours=1)
_STOPPED_PAUSE = timedelta(minutes=1)
_IDLE_SECONDS = 1.0
_STEPS_TOGETHER = 2
_TROUBLE_SECONDS = 5.0
_DISPROVED = {
    "uninstall": SecurityEvent.UNINSTALL_DISPROVED,
    "redact": SecurityEvent.REDACT_DISPROVED,
}

log = get_logger()


@dataclass(frozen=True, slots=True)
class Rules:
    """Hours and numbers an operator sets: see docs/settings.md."""

    redact_min_age: timedelta
    erasure_grace: timedelta
    departures_an_hour: int

    def redaction_due(self, uninstalled_at: datetime, received_at: datetime) -> datetime:
        return max(uninstalled_at + self.redact_min_age, received_at + self.erasure_grace)


class Verification:
    """`slots` bounds the transactions that wait for Shopify, so that the pool has room left."""

    def __init__(
        self, engine: AsyncEngine, access: AccessCheck, rules: Rules, slots: asyncio.Semaphore
    ) -> None:
        self._engine = engine
        self._access = access
        self._rules = rules
        self._slots = slots

    async def step(self) -> bool:
        """Do the next piece of work; False when there is none now.

        Raises DatabaseUnavailableError, ConcurrentWriteError.
        """
        return await self._check_next() or await self._erase_next()

    async def _check_next(self) -> bool:
        departure = None
        try:
            async with self._slots, transaction(self._engine) as tx:
                if await brake.is_stopped(tx):
                    return False
                departure = await departures.lock_next(tx, utc_now())
                if departure is not None:
                    await self._check(tx, departure)
        except TransientError:
            raise
        except Exception:
            if departure is None:
                raise
            # A row that cannot be worked on must not stand before all others.
            log.exception("departure_check_failed", tenant_id=departure.tenant_id)
            await self._put_off(departure)
        return departure is not None

    async def _check(self, tx: Transaction, departure: Departure) -> None:
        shop = await repository.lock_shop(tx, departure.tenant_id)
        if shop is None:
            return
        if departure.kind == "redact" and shop.uninstalled_at is not None:
            await self._schedule(tx, shop, departure, shop.uninstalled_at)
            return
        answer = await self._access.ask(tx, shop)
        log.info("departure_asked_about", tenant_id=shop.tenant_id, answer=answer.name)
        if answer is Access.ENDED:
            await self._end(tx, shop, departure)
        elif answer is Access.NO_TOKEN:
            await self._settle_without_token(tx, shop, departure)
        elif answer is Access.WORKS and departure.works >= len(ASKED_AGAIN_AFTER):
            await departures.settle(tx, departure.id, "disproved", utc_now())
            record_security_event(_DISPROVED[departure.kind], tenant_id=shop.tenant_id)
        else:
            await _ask_again(tx, departure, works=answer is Access.WORKS)

    async def _end(self, tx: Transaction, shop: Shop, departure: Departure) -> None:
        """Shopify says that the app is not installed."""
        now = utc_now()
        if not await brake.may_depart(tx, self._rules.departures_an_hour, now):
            await departures.put_off(tx, departure.id, now + _STOPPED_PAUSE)
            return
        uninstalled_at = departure.received_at if departure.kind == "uninstall" else now
        await offboarding.note_uninstall(tx, shop, uninstalled_at)
        dropped = await offboarding.disconnect(tx, shop, "app_uninstalled")
        if departure.kind == "uninstall":
            await departures.settle(tx, departure.id, "confirmed", now, disconnected=dropped)
            return
        left = await repository.lock_shop(tx, shop.tenant_id)
        if left is not None:
            await self._schedule(tx, left, departure, uninstalled_at, disconnected=dropped)

    async def _settle_without_token(
        self, tx: Transaction, shop: Shop, departure: Departure
    ) -> None:
        if departure.kind == "uninstall":
            await offboarding.note_uninstall(tx, shop, departure.received_at)
            await departures.settle(tx, departure.id, "confirmed", utc_now())
        else:
            await departures.hold(tx, departure.id)
            log.warning("redaction_held", tenant_id=shop.tenant_id)

    async def _schedule(
        self,
        tx: Transaction,
        shop: Shop,
        departure: Departure,
        uninstalled_at: datetime,
        *,
        disconnected: bool = False,
    ) -> None:
        due_at = self._rules.redaction_due(uninstalled_at, departure.received_at)
        await offboarding.schedule_erasure(tx, shop, "shop_redact", due_at)
        await departures.settle(tx, departure.id, "confirmed", utc_now(), disconnected=disconnected)

    async def _put_off(self, departure: Departure) -> None:
        async with transaction(self._engine) as tx:
            await _ask_again(tx, departure, works=False)

    async def _erase_next(self) -> bool:
        now = utc_now()
        async with transaction(self._engine) as tx:
            if await brake.is_stopped(tx):
                return False
            due = await erasures.lock_next_due(tx, now)
            shop = None if due is None else await repository.lock_shop(tx, due.tenant_id)
            if due is None or shop is None:
                return False
            if not await brake.may_depart(tx, self._rules.departures_an_hour, now):
                return False
            await offboarding.begin_erasure(tx, shop, due.cause)
        return True


async def _ask_again(tx: Transaction, departure: Departure, *, works: bool) -> None:
    now = utc_now()
    if works:
        pause = ASKED_AGAIN_AFTER[departure.works]
    else:
        pause = min(_FIRST_PAUSE * 2 ** min(departure.undecided, 10), _MAX_PAUSE)
        pause *= random.uniform(0.8, 1.2)  # noqa: S311 - jitter
    await departures.ask_again(tx, departure, asked_at=now, ask_at=now + pause, works=works)


async def keep_verifying(verification: Verification) -> None:
    """Step after step, until cancelled; two at a time: a shop that hangs holds up no other."""
    async with asyncio.TaskGroup() as group:
        for _ in range(_STEPS_TOGETHER):
            group.create_task(_keep_stepping(verification))


async def _keep_stepping(verification: Verification) -> None:
    """With a pause when there is nothing to do, or no database."""
    while True:
        pause = 0.0
        try:
            if not await verification.step():
                pause = _IDLE_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
        except TransientError as error:
            log.warning("verification_waits", code=error.code)
            pause = _TROUBLE_SECONDS
        except Exception:
            # A bug here must not take the tokens of all shops along.
            log.exception("verification_failed")
            pause = _TROUBLE_SECONDS
        await asyncio.sleep(pause)
