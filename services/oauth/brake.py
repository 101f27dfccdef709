"""The brake on leaving: more departures an hour than an operator expects stop all of them.

It sits before what cannot be undone: tokens dropped for an uninstall, and erasures begun. Rows in
the database are counted, so all replicas agree; the brake's own row makes them take turns. What
is stopped stays open and goes on when an operator resumes it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from libs.common.database.transaction import Transaction
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.tables.tenancy import departure_brake, departures, erasures

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Brake:
    """`counted` are the departures of the last hour, since the last resumption."""

    stopped_at: datetime | None
    counted: int


async def read_brake(tx: Transaction, now: datetime) -> Brake:
    row = (await tx.execute(select(departure_brake))).one()
    return Brake(row.stopped_at, await _count_since(tx, _since(row.resumed_at, now)))


async def is_stopped(tx: Transaction) -> bool:
    return await tx.scalar(select(departure_brake.c.stopped_at)) is not None


async def may_depart(tx: Transaction, limit: int, now: datetime) -> bool:
    """Whether one more departure may happen; with the first that may not, everything stops.

    Holds the brake's row to the end of `tx`. The caller holds the lock of its shop already.
    """
    row = (await tx.execute(select(departure_brake).with_for_update())).one()
    if row.stopped_at is not None:
        return False
    if await _count_since(tx, _since(row.resumed_at, now)) < limit:
        return True
    await tx.execute(update(departure_brake).values(stopped_at=now))
    record_security_event(SecurityEvent.LANE_STOPPED, lane="departures", limit_an_hour=limit)
    return False


async def resume(tx: Transaction, now: datetime) -> bool:
    """Start again, and count from now on; False when nothing was stopped."""
    resumed = (
        update(departure_brake)
        .values(stopped_at=None, resumed_at=now)
        .where(departure_brake.c.stopped_at.is_not(None))
    )
    return (await tx.execute(resumed)).rowcount == 1


def _since(resumed_at: datetime | None, now: datetime) -> datetime:
    return max(now - _HOUR, resumed_at) if resumed_at else now - _HOUR


async def _count_since(tx: Transaction, since: datetime) -> int:
    disconnected = (
        select(func.count())
        .where(departures.c.disconnected, departures.c.settled_at >= since)
        .scalar_subquery()
    )
    erased = select(func.count()).where(erasures.c.begun_at >= since).scalar_subquery()
    return int(await tx.scalar(select(disconnected + erased)) or 0)
