"""SQL over departures: deliveries that say a shop has left, and what Shopify said when asked.

A row is worked on under the lock of its shop's row in the directory: the process that holds it has
the lease, and a process that is killed gives it back with its connection.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.database.transaction import Transaction
from libs.common.tables.tenancy import departures, shop_directory

Kind = Literal["uninstall", "redact"]
Settled = Literal["confirmed", "disproved", "superseded", "cancelled"]

_KEPT = timedelta(days=90)
_OLD_ROWS_LIMIT = 100
_MIN_PAUSE = timedelta(minutes=1)
"""Between two questions about one shop, however many deliveries ask for one."""


@dataclass(frozen=True, slots=True)
class Departure:
    """`works` and `undecided` count Shopify's answers: a token that works, and none of use."""

    id: UUID
    tenant_id: UUID
    kind: Kind
    received_at: datetime
    works: int
    undecided: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request for an erasure that is not scheduled: `held` for a person, or being asked about."""

    tenant_id: UUID
    domain: str
    held: bool
    received_at: datetime


_COLUMNS = (
    departures.c.id,
    departures.c.tenant_id,
    departures.c.kind,
    departures.c.received_at,
    departures.c.works,
    departures.c.undecided,
)


async def add(tx: Transaction, tenant_id: UUID, kind: Kind, webhook_id: str, now: datetime) -> None:
    """Keep what a delivery says until Shopify was asked. The caller holds the shop's lock.

    A repeated delivery changes nothing. Another one, while a row is open, brings the next question
    forward.
    """
    new = insert(departures).values(
        tenant_id=tenant_id, kind=kind, webhook_id=webhook_id, received_at=now, ask_at=now
    )
    if (await tx.execute(new.on_conflict_do_nothing())).rowcount == 1:
        await _delete_old(tx, now - _KEPT)
        return
    soonest = func.greatest(departures.c.asked_at + _MIN_PAUSE, now)
    await tx.execute(
        update(departures)
        .values(ask_at=func.least(departures.c.ask_at, soonest))
        .where(
            departures.c.tenant_id == tenant_id,
            departures.c.kind == kind,
            departures.c.state == "open",
            departures.c.webhook_id != webhook_id,
        )
    )


async def _delete_old(tx: Transaction, settled_before: datetime) -> None:
    old = (
        select(departures.c.id)
        .where(departures.c.settled_at < settled_before)
        .limit(_OLD_ROWS_LIMIT)
        .with_for_update(skip_locked=True)
    )
    await tx.execute(delete(departures).where(departures.c.id.in_(old)))


async def lock_next(tx: Transaction, now: datetime) -> Departure | None:
    """The row that has waited longest for its question, with its shop locked to the end.

    Shops that another process has locked are passed over.
    """
    found = (
        select(*_COLUMNS)
        .join(shop_directory, shop_directory.c.tenant_id == departures.c.tenant_id)
        .where(departures.c.state == "open", departures.c.ask_at <= now)
        .order_by(departures.c.ask_at)
        .limit(1)
        .with_for_update(of=shop_directory, skip_locked=True)
    )
    row = (await tx.execute(found)).one_or_none()
    # It was found before its shop was locked: another may have settled or postponed it since.
    return None if row is None else await _due(tx, row.id, now)


async def _due(tx: Transaction, departure_id: UUID, now: datetime) -> Departure | None:
    still = select(*_COLUMNS).where(
        departures.c.id == departure_id, departures.c.state == "open", departures.c.ask_at <= now
    )
    row = (await tx.execute(still)).one_or_none()
    return None if row is None else Departure(*row)


async def settle(
    tx: Transaction,
    departure_id: UUID,
    state: Settled,
    now: datetime,
    *,
    disconnected: bool = False,
) -> None:
    """`disconnected`: tokens were dropped for it, which the brake counts."""
    await tx.execute(
        update(departures)
        .values(state=state, settled_at=now, disconnected=disconnected)
        .where(departures.c.id == departure_id)
    )


async def ask_again(
    tx: Transaction, departure: Departure, *, asked_at: datetime, ask_at: datetime, works: bool
) -> None:
    """After an answer: `works` says that the token did, else there was no answer of use."""
    await tx.execute(
        update(departures)
        .values(
            asked_at=asked_at,
            ask_at=ask_at,
            works=departures.c.works + int(works),
            undecided=0 if works else departures.c.undecided + 1,
        )
        .where(departures.c.id == departure.id, departures.c.state == "open")
    )


async def put_off(tx: Transaction, departure_id: UUID, ask_at: datetime) -> None:
    """As if it had not been asked about."""
    later = update(departures).values(ask_at=ask_at).where(departures.c.id == departure_id)
    await tx.execute(later)


async def hold(tx: Transaction, departure_id: UUID) -> None:
    """Leave it to a person."""
    held = update(departures).values(state="held").where(departures.c.id == departure_id)
    await tx.execute(held)


async def release_held(tx: Transaction, tenant_id: UUID, now: datetime) -> None:
    """Now there is a record of the uninstall that a held redaction lacked."""
    await tx.execute(
        update(departures)
        .values(state="open", ask_at=now)
        .where(departures.c.tenant_id == tenant_id, departures.c.state == "held")
    )


async def settle_unsettled(
    tx: Transaction, tenant_id: UUID, state: Settled, now: datetime, *kinds: Kind
) -> int:
    """Settle what is open or held of `kinds`; how many there were. The caller has the lock."""
    result = await tx.execute(
        update(departures)
        .values(state=state, settled_at=now)
        .where(
            departures.c.tenant_id == tenant_id,
            departures.c.kind.in_(kinds),
            departures.c.settled_at.is_(None),
        )
    )
    return result.rowcount


async def list_waiting(tx: Transaction) -> list[Waiting]:
    """Redactions that are not scheduled, the oldest first."""
    query = (
        select(
            departures.c.tenant_id,
            shop_directory.c.domain,
            departures.c.state == "held",
            departures.c.received_at,
        )
        .join(shop_directory, shop_directory.c.tenant_id == departures.c.tenant_id)
        .where(departures.c.kind == "redact", departures.c.settled_at.is_(None))
        .order_by(departures.c.received_at)
    )
    return [Waiting(*row) for row in await tx.execute(query)]
