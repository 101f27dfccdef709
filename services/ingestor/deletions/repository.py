"""SQL of the deletions that Shopify is asked about.

`store.deletion_turns` has one row a tenant: its lock, after the tenant's own, is taken before its
checks are changed. So nobody waits in a circle, and no check is added unseen while a turn ends.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from libs.common.database.transaction import Transaction
from libs.common.errors import TransientError
from services.ingestor.facts import Entity
from services.ingestor.store.statements import run

LEASE = timedelta(seconds=10)
"""So long a killed worker's checks stand still."""

_MAX_PAUSE = timedelta(minutes=5)

# While Shopify cannot be asked, nothing that is added makes us ask sooner.
_MAKE_DUE = """INSERT INTO store.deletion_turns AS held (tenant_id, due_at)
    SELECT tenant_id, now() FROM unnest($1::uuid[]) AS given(tenant_id) ORDER BY tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET due_at = CASE WHEN held.failures > 0
        THEN held.due_at ELSE least(held.due_at, excluded.due_at) END"""

# A request that is known begins nothing again: the delivery came twice.
_ADD = """INSERT INTO store.deletion_checks AS held
        (tenant_id, topic, object_id, location_id, entity, observed_at, requests)
    SELECT tenant_id, topic, object_id, location_id, entity, observed_at, requests::jsonb
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[],
            $6::timestamptz[], $7::text[])
        AS given(tenant_id, topic, object_id, location_id, entity, observed_at, requests)
    ORDER BY tenant_id, topic, object_id, location_id
    ON CONFLICT (tenant_id, topic, object_id, location_id) DO UPDATE SET
        observed_at = greatest(held.observed_at, excluded.observed_at), asked = 0,
        due_at = least(held.due_at, excluded.due_at), held_at = NULL,
        requests = held.requests || excluded.requests
    WHERE held.requests IS NULL OR NOT held.requests @> excluded.requests"""

_CLAIM = text("""
UPDATE store.deletion_turns AS mine
SET lease_owner = gen_random_uuid(), lease_until = clock_timestamp() + :lease
FROM (
    SELECT tenant_id FROM store.deletion_turns
    WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now())
    ORDER BY due_at LIMIT :at_most FOR UPDATE SKIP LOCKED
) AS due
WHERE mine.tenant_id = due.tenant_id
RETURNING mine.tenant_id, mine.lease_owner
""")

_RENEW = text("""
UPDATE store.deletion_turns SET lease_until = clock_timestamp() + :lease
WHERE tenant_id = :tenant_id AND lease_owner = :owner
""")

# One question's worth: those of the topic, and of the location, of the one that is due first.
_DUE = text("""
WITH first AS (
    SELECT topic, location_id FROM store.deletion_checks
    WHERE tenant_id = :tenant_id AND due_at <= now()
    ORDER BY due_at, topic, location_id LIMIT 1)
SELECT held.topic, held.object_id, held.location_id, held.entity, held.observed_at, held.asked,
    coalesce(shop.history_since IS NOT NULL
        AND coalesce(owned.created_at, owned.processed_at) < now() - CAST(:shown AS interval),
        false) AS hidden
FROM store.deletion_checks AS held
JOIN first USING (topic, location_id)
LEFT JOIN store.shops AS shop ON shop.tenant_id = held.tenant_id
LEFT JOIN store.orders AS owned ON held.entity = 'orders'
    AND owned.tenant_id = held.tenant_id AND owned.id = held.object_id
WHERE held.tenant_id = :tenant_id AND held.due_at <= now()
ORDER BY held.due_at, held.object_id LIMIT :at_most
""")

_KEYS = """unnest($2::text[], $3::bigint[], $4::bigint[])
    AS given(topic, object_id, location_id)
    WHERE held.tenant_id = $1 AND held.topic = given.topic
        AND held.object_id = given.object_id AND held.location_id = given.location_id"""
_SEEN_KEYS = """unnest($2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::integer[])
    AS given(topic, object_id, location_id, observed_at, asked)
    WHERE held.tenant_id = $1 AND held.topic = given.topic
        AND held.object_id = given.object_id AND held.location_id = given.location_id
        AND held.observed_at = given.observed_at AND held.asked = given.asked"""

_TAKE = f"""DELETE FROM store.deletion_checks AS held USING {_KEYS}
    RETURNING held.topic, held.object_id, held.location_id, held.entity, held.observed_at,
        held.requests"""  # noqa: S608 - of constants

_DROP = f"""DELETE FROM store.deletion_checks AS held USING {_SEEN_KEYS}
    RETURNING held.topic"""  # noqa: S608

_PUT_OFF = f"""UPDATE store.deletion_checks AS held SET asked = held.asked + 1,
        due_at = now() + $7::interval,
        held_at = CASE WHEN $8::boolean THEN coalesce(held.held_at, now()) END
    FROM {_SEEN_KEYS}"""  # noqa: S608

_HOLD_TURN = text("""
SELECT 1 FROM store.deletion_turns
WHERE tenant_id = :tenant_id AND lease_owner = :owner FOR UPDATE
""")

# Behind all who wait already: a tenant with a hundred thousand keeps none of them out.
_END_TURN = text("""
UPDATE store.deletion_turns AS mine SET lease_owner = NULL, lease_until = NULL, failures = 0,
    due_at = CASE WHEN left_over.waiting + left_over.held > 0
        THEN greatest(left_over.due_at, clock_timestamp()) END,
    waiting = left_over.waiting, held = left_over.held
FROM (
    SELECT min(due_at) AS due_at, count(*) FILTER (WHERE held_at IS NULL) AS waiting,
        count(held_at) AS held
    FROM store.deletion_checks WHERE tenant_id = :tenant_id
) AS left_over
WHERE mine.tenant_id = :tenant_id AND mine.lease_owner = :owner
""")

_POSTPONE = text("""
UPDATE store.deletion_turns SET lease_owner = NULL, lease_until = NULL, failures = failures + 1,
    due_at = clock_timestamp()
        + least(interval '2 seconds' * 2 ^ least(failures, 10), CAST(:at_most AS interval))
WHERE tenant_id = :tenant_id AND lease_owner = :owner
""")

_GIVE_BACK = text("""
UPDATE store.deletion_turns SET lease_owner = NULL, lease_until = NULL
WHERE tenant_id = :tenant_id AND lease_owner = :owner
""")


_TENANTS_WITH_HELD = text("SELECT tenant_id FROM store.deletion_turns WHERE held > 0")

_HELD = text("""
SELECT held.tenant_id, held.object_id, held.received_at, held.held_at, shop.domain
FROM store.deletion_checks AS held
LEFT JOIN store.shops AS shop ON shop.tenant_id = held.tenant_id
WHERE held.tenant_id = ANY (:tenants) AND held.held_at IS NOT NULL
ORDER BY held.held_at, held.object_id
""")

_TAKE_HELD = text("""
DELETE FROM store.deletion_checks
WHERE tenant_id = :tenant_id AND object_id = :customer_id AND held_at IS NOT NULL
RETURNING topic, object_id, location_id, entity, observed_at, requests
""")


class TurnLostError(TransientError):
    """Another worker has the tenant's checks now: write nothing more."""

    code = "DELETION_TURN_LOST"


class NewCheck(NamedTuple):
    tenant_id: UUID
    topic: str
    object_id: int
    location_id: int
    entity: Entity
    observed_at: datetime
    requests: Mapping[str, Any] | None = None


class Check(NamedTuple):
    """`asked` is how often Shopify still showed the object; it does not show a `hidden` one."""

    topic: str
    object_id: int
    location_id: int
    entity: Entity
    observed_at: datetime
    asked: int
    hidden: bool


class Taken(NamedTuple):
    topic: str
    object_id: int
    location_id: int
    entity: Entity
    observed_at: datetime
    requests: Mapping[str, Any] | None


class Turn(NamedTuple):
    tenant_id: UUID
    owner: UUID


async def make_due(tx: Transaction, tenants: Sequence[UUID]) -> None:
    await tx.exec_driver_sql(_MAKE_DUE, (tenants,))


async def add(tx: Transaction, rows: Sequence[NewCheck]) -> None:
    *columns, requests = zip(*rows, strict=True)
    texts = [each and msgspec.json.encode(each).decode() for each in requests]
    await tx.exec_driver_sql(_ADD, (*columns, texts))


async def claim(tx: Transaction, at_most: int) -> list[Turn]:
    """Take up to `at_most` tenants whose checks are due and that nobody works on."""
    rows = await tx.execute(_CLAIM, {"lease": LEASE, "at_most": at_most})
    return [Turn(*row) for row in rows]


async def renew(tx: Transaction, turn: Turn) -> None:
    await tx.execute(_RENEW, {"lease": LEASE, **turn._asdict()})


async def read_due(
    tx: Transaction, tenant_id: UUID, at_most: int, shown: timedelta
) -> Sequence[Check]:
    """Those of one topic that are due; an order that is older than `shown` may be hidden."""
    given = {"tenant_id": tenant_id, "at_most": at_most, "shown": shown}
    return [Check(*row) for row in await tx.execute(_DUE, given)]


async def hold_turn(tx: Transaction, turn: Turn) -> None:
    """Have this transaction commit only while the turn is ours. Raises TurnLostError."""
    if (await tx.execute(_HOLD_TURN, turn._asdict())).one_or_none() is None:
        raise TurnLostError("the turn of these checks is lost")


async def take(tx: Transaction, tenant_id: UUID, checks: Collection[Check]) -> Sequence[Taken]:
    """Remove what is decided. What somebody else decided meanwhile is not among it."""
    if not checks:
        return []
    keys = list(zip(*(check[:3] for check in checks), strict=True))
    return [Taken(*row) for row in await run(tx, _TAKE, tenant_id, *keys)]


async def drop(tx: Transaction, tenant_id: UUID, checks: Collection[Check]) -> Sequence[str]:
    """The topic of each that was dropped. One that was told of again meanwhile stays."""
    if not checks:
        return []
    return [row.topic for row in await run(tx, _DROP, tenant_id, *_seen(checks))]


async def put_off(
    tx: Transaction, tenant_id: UUID, checks: Collection[Check], pause: timedelta, *, held: bool
) -> None:
    if checks:
        await tx.exec_driver_sql(_PUT_OFF, (tenant_id, *_seen(checks), pause, held))


async def end_turn(tx: Transaction, turn: Turn) -> None:
    await tx.execute(_END_TURN, turn._asdict())


async def postpone_turn(tx: Transaction, turn: Turn) -> None:
    """Nothing could be asked: later again, after a pause that grows."""
    await tx.execute(_POSTPONE, {"at_most": _MAX_PAUSE, **turn._asdict()})


async def give_back(tx: Transaction, turn: Turn) -> None:
    await tx.execute(_GIVE_BACK, turn._asdict())


async def tenants_with_held(tx: Transaction) -> Sequence[UUID]:
    """Tenants for which a person has something to decide."""
    return (await tx.scalars(_TENANTS_WITH_HELD)).all()


async def read_held(tx: Transaction, tenants: Collection[UUID]) -> Sequence[Row[*tuple[Any, ...]]]:
    return (await tx.execute(_HELD, {"tenants": list(tenants)})).all()


async def take_held(tx: Transaction, tenant_id: UUID, customer_id: int) -> Taken | None:
    """Remove the redaction of one customer that is held; None where there is none."""
    given = {"tenant_id": tenant_id, "customer_id": customer_id}
    row = (await tx.execute(_TAKE_HELD, given)).one_or_none()
    return None if row is None else Taken(*row)


def _seen(checks: Collection[Check]) -> list[Any]:
    columns = ("topic", "object_id", "location_id", "observed_at", "asked")
    return [[getattr(check, column) for check in checks] for column in columns]
