"""Cuts a tenant's facts anew, after its zone or its choice about test orders changed.

Days, and which orders count, follow the shop's row; the rollups are made from the facts again.
"""

from itertools import chain
from typing import Any, Final
from uuid import UUID

from libs.common.database.transaction import Transaction
from services.ingestor.store.audit import TRUTH
from services.ingestor.store.days import day_of
from services.ingestor.store.statements import names
from services.ingestor.store.tenants import (
    RECUT_MARK,
    TenantRecutError,
    lock_tenants,
    raise_versions,
    readiness,
)

_SECONDS: Final = 600
"""For one statement, which goes through all that a tenant has. By far more than any other may
take: one that is cut off begins again from nothing, and its tenant stands still meanwhile."""

# The role's is a minute. The server's bound also ends what a killed process has left behind.
_TIMEOUT = f"SET LOCAL statement_timeout = '{_SECONDS}s'"

_MARK = " ".join(("SELECT pg_advisory_xact_lock(", RECUT_MARK.format(tenant="$1::uuid"), ")"))

_ORDERS = f"""UPDATE store.orders AS held SET day = cut.day, counted = cut.counted
    FROM (
        SELECT o.id, {day_of("o.processed_at", "o.observed_at")} AS day,
            o.deleted_at IS NULL AND (NOT o.test OR shop.include_test_orders) AS counted
        FROM store.orders AS o JOIN store.shops AS shop ON shop.tenant_id = o.tenant_id
        WHERE o.tenant_id = $1) AS cut
    WHERE held.tenant_id = $1 AND held.id = cut.id
        AND (held.day, held.counted) IS DISTINCT FROM (cut.day, cut.counted)"""  # noqa: S608

_LINES = """UPDATE store.order_lines AS held SET counted = o.counted
    FROM store.orders AS o
    WHERE held.tenant_id = $1 AND o.tenant_id = $1 AND o.id = held.order_id
        AND held.counted <> o.counted"""

_REFUND_DAY = day_of("held.created_at", "held.observed_at")
_REFUNDS = f"""UPDATE store.refunds AS held
    SET counted = o.counted, day = {_REFUND_DAY}
    FROM store.orders AS o JOIN store.shops AS shop ON shop.tenant_id = o.tenant_id
    WHERE held.tenant_id = $1 AND o.tenant_id = $1 AND o.id = held.order_id
        AND (held.counted, held.day) IS DISTINCT FROM
            (o.counted, {_REFUND_DAY})"""  # noqa: S608

_REMADE = tuple(
    (
        " ".join(("DELETE FROM", f"store.{table}", "WHERE tenant_id = $1")),
        " ".join(
            (
                f"INSERT INTO store.{table} (tenant_id, {names(columns)})",
                f"SELECT $1::uuid, {names(columns)}",
                f"FROM ({facts}) AS truth",
            )
        ),
    )
    for table, columns, facts in TRUTH
)


async def refuse_recut(tx: Transaction, tenant_id: UUID) -> None:
    """Raises TenantRecutError, so that who would wait for the lock can do other work meanwhile."""
    error = (await readiness(tx, [tenant_id])).not_ready.get(tenant_id)
    if isinstance(error, TenantRecutError):
        raise error


async def recut(tx: Transaction, tenant_id: UUID) -> int:
    """Returns the tenant's new data version. Running it again changes nothing but that.

    Holds the tenant's lock until the transaction ends. Raises ShopFactsMissingError.
    """
    # First, so that nobody sets out any more to wait for the lock.
    await tx.exec_driver_sql(_MARK, (tenant_id,))
    await lock_tenants(tx, [tenant_id])
    await tx.exec_driver_sql(_TIMEOUT)
    # Past SQLAlchemy, which can give no statement another timeout than the engine's.
    driver: Any = (await tx.get_raw_connection()).driver_connection
    for statement in (_ORDERS, _LINES, _REFUNDS, *chain.from_iterable(_REMADE)):
        await driver.execute(statement, tenant_id, timeout=_SECONDS)
    return (await raise_versions(tx, [tenant_id]))[tenant_id]
