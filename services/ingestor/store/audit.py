"""Recomputes everything derived from the facts, and names what differs."""

from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from libs.common.database.transaction import Transaction
from libs.common.tables.store import audits
from services.ingestor.kinds.registry import KINDS
from services.ingestor.store.days import wrong_day
from services.ingestor.store.rollups import CUSTOMER_MEASURES, DAILY_MEASURES, PRODUCT_MEASURES
from services.ingestor.store.statements import names, run

_SUMS = """sum(orders) AS orders, sum(units) AS units, sum(revenue) AS revenue,
        sum(gross) AS gross, sum(discounts) AS discounts, sum(taxes) AS taxes,
        sum(shipping) AS shipping, sum(refunded) AS refunded"""
_IMAGES = """(
        SELECT day, currency, 1 AS orders, units, total AS revenue, subtotal + discounts AS gross,
            discounts, taxes, shipping, 0::numeric AS refunded
        FROM store.orders WHERE tenant_id = $1 AND counted
        UNION ALL
        SELECT day, currency, 0, 0, 0, 0, 0, 0, 0, amount
        FROM store.refunds WHERE tenant_id = $1 AND counted) AS images"""
_DAILY = f"""
    SELECT day, currency, {_SUMS}
    FROM {_IMAGES} WHERE day IS NOT NULL GROUP BY day, currency"""  # noqa: S608
_UNDATED = f"""
    SELECT currency, {_SUMS} FROM {_IMAGES} WHERE day IS NULL GROUP BY currency"""  # noqa: S608

_CUSTOMER = """
    SELECT customer_id, currency, count(*) AS orders, sum(units) AS units, sum(total) AS revenue
    FROM store.orders WHERE tenant_id = $1 AND counted AND customer_id IS NOT NULL
    GROUP BY customer_id, currency"""

_PRODUCT = """
    SELECT product_id, currency, sum(quantity) AS units, sum(total) AS gross,
        sum(discounts) AS discounts
    FROM store.order_lines WHERE tenant_id = $1 AND counted AND product_id IS NOT NULL
    GROUP BY product_id, currency"""

_ALIVE = "SELECT '{0}' AS entity, count(*) AS records FROM store.{0} WHERE tenant_id = $1 AND {1}"
_COUNTS = "\n    UNION ALL ".join(
    (
        _ALIVE.format("orders", "counted"),
        *(_ALIVE.format(name, "deleted_at IS NULL") for name in ("customers", "products", *KINDS)),
    )
)


def _compared(table: str, keys: tuple[str, ...], measures: tuple[str, ...], facts: str) -> str:
    """Keys whose sums differ, a missing row being the same as zeros."""
    held = ", ".join(f"coalesce(held.{measure}, 0)" for measure in measures)
    truth = ", ".join(f"coalesce(truth.{measure}, 0)" for measure in measures)
    return "\n".join(
        (
            f"SELECT '{table} ' || concat_ws(' ', {names(keys)}) AS difference",
            "FROM (SELECT * FROM",
            f"store.{table} WHERE tenant_id = $1) AS held",
            f"FULL JOIN ({facts}) AS truth USING ({names(keys)})",
            f"WHERE ({held}) IS DISTINCT FROM ({truth})",
        )
    )


_DERIVED = f"""
    SELECT 'orders ' || held.id AS difference
    FROM store.orders AS held JOIN store.shops AS shop ON shop.tenant_id = held.tenant_id
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(quantity), 0) AS units FROM store.order_lines AS line
        WHERE line.tenant_id = held.tenant_id AND line.order_id = held.id) AS lines ON true
    WHERE held.tenant_id = $1 AND (
        held.counted IS DISTINCT FROM
            (held.deleted_at IS NULL AND (NOT held.test OR shop.include_test_orders))
        OR held.deleted_at IS NULL
            AND {wrong_day("held.day", "held.processed_at", "held.observed_at")}
        OR held.units <> lines.units)
    UNION ALL
    SELECT 'order_lines ' || line.order_id || ' ' || line.id
    FROM store.order_lines AS line JOIN store.orders AS held
        ON held.tenant_id = line.tenant_id AND held.id = line.order_id
    WHERE line.tenant_id = $1
        AND (line.counted, line.currency) IS DISTINCT FROM (held.counted, held.currency)
    UNION ALL
    SELECT 'refunds ' || refund.order_id || ' ' || refund.id
    FROM store.refunds AS refund JOIN store.orders AS held
        ON held.tenant_id = refund.tenant_id AND held.id = refund.order_id
    JOIN store.shops AS shop ON shop.tenant_id = refund.tenant_id
    WHERE refund.tenant_id = $1
        AND ((refund.counted, refund.currency) IS DISTINCT FROM (held.counted, held.currency)
            OR {wrong_day("refund.day", "refund.created_at", "refund.observed_at")})"""  # noqa: S608

_ROLLUPS = (
    ("daily_sales", ("day", "currency"), DAILY_MEASURES, _DAILY),
    ("undated_sales", ("currency",), DAILY_MEASURES, _UNDATED),
    ("customer_sales", ("customer_id", "currency"), CUSTOMER_MEASURES, _CUSTOMER),
    ("product_sales", ("product_id", "currency"), PRODUCT_MEASURES, _PRODUCT),
    ("entity_counts", ("entity",), ("records",), _COUNTS),
)
TRUTH = tuple((table, (*keys, *measures), facts) for table, keys, measures, facts in _ROLLUPS)
"""Each rollup, its columns, and the query that makes it from the facts of tenant $1."""

_CHECKS = (*(_compared(*rollup) for rollup in _ROLLUPS), _DERIVED)


_SECONDS: Final = 600
"""For one check, which goes through all that a tenant has."""

_TIMEOUT: Final = f"SET LOCAL statement_timeout = '{_SECONDS}s'"
_MAX_EXAMPLES: Final = 5
_SUMMARY: Final = """WITH found AS MATERIALIZED ({})
    SELECT (SELECT count(*) FROM found) AS number,
        ARRAY (SELECT difference FROM found LIMIT {}) AS examples"""


class Differences(NamedTuple):
    """How many derived values are not what the facts say, and the table and key of a few."""

    number: int
    examples: list[str]


async def count_differences(tx: Transaction, tenant_id: UUID) -> Differences:
    """Of one tenant, who may be large: each check may take minutes. Takes no lock.

    A check is one statement, and a writer changes facts and totals together: what is under way is
    no difference.
    """
    await tx.exec_driver_sql(_TIMEOUT)
    # Past SQLAlchemy, which can give no statement another timeout than the engine's.
    driver: Any = (await tx.get_raw_connection()).driver_connection
    number, examples = 0, list[str]()
    for check in _CHECKS:
        summary = _SUMMARY.format(check, _MAX_EXAMPLES)
        row = await driver.fetchrow(summary, tenant_id, timeout=_SECONDS)
        number += row["number"]
        examples += row["examples"]
    return Differences(number, examples[:_MAX_EXAMPLES])


async def save_audit(tx: Transaction, tenant_id: UUID, found: Differences) -> None:
    new = insert(audits).values(
        tenant_id=tenant_id,
        audited_at=func.now(),
        differences=found.number,
        examples=found.examples,
    )
    values = {name: new.excluded[name] for name in ("audited_at", "differences", "examples")}
    await tx.execute(new.on_conflict_do_update(index_elements=["tenant_id"], set_=values))


async def recompute_differences(tx: Transaction, tenant_id: UUID) -> list[str]:
    """One text for each derived value that is not what the facts say: table and key."""
    return [row.difference for check in _CHECKS for row in await run(tx, check, tenant_id)]
