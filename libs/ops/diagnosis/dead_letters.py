"""How many dead letters wait for a person, how long and why, and what the law wants of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from libs.ops.diagnosis.findings import Finding, duration

OLD: Final = timedelta(days=7)
LEGAL_PERIOD: Final = timedelta(days=30)
"""To do what privacy law asks for. Source: shopify.dev, "Privacy law compliance"."""

_NAME = "dead letters"
_PRIVACY = "privacy requests"
_MAX_REASONS = 5
# The owner is bound by row-level security too: it must name the tenants that it looks at.
_SEE_ALL_TENANTS = """
    SELECT set_config('app.tenant_ids', coalesce(array_agg(tenant_id), '{}')::text, true)
    FROM store.dead_letter_tenants"""
_BY_REASON = """
    SELECT coalesce(topic, consumer) || ' ' || reason AS name, count(*) AS number,
           count(*) FILTER (WHERE created_at < now() - $1::interval) AS old,
           EXTRACT(epoch FROM now() - min(created_at)) AS seconds
    FROM store.dead_letters GROUP BY 1 ORDER BY number DESC, name"""
_PRIVATE = """
    SELECT topic, count(*) AS number,
           EXTRACT(epoch FROM now() - min(least(created_at, triggered_at))) AS seconds
    FROM store.dead_letters
    WHERE topic IN ('customers/redact', 'customers/data_request', 'shop/redact', 'tenant.erased.v1')
    GROUP BY topic ORDER BY topic"""
_TO_DO = (
    "each is a delivery or event that was not applied: read the reason, put right what caused it, "
    "then `tillstream dead-letters retry` sends it again; `list` and `show` say more"
)
_LATE = "some have waited for over 7 days, and what they tell is not applied: "


async def check_dead_letters(connection: asyncpg.Connection) -> list[Finding]:
    """Any dead letter is wrong: a person must decide about each."""
    async with connection.transaction(readonly=True):
        await connection.execute(_SEE_ALL_TENANTS)
        rows = await connection.fetch(_BY_REASON, OLD)
        private = await connection.fetch(_PRIVATE)
    return [_all(rows), _private(private)]


def _all(rows: Sequence[asyncpg.Record]) -> Finding:
    if not rows:
        return Finding(_NAME, "none")
    number, old = sum(row["number"] for row in rows), sum(row["old"] for row in rows)
    seen = f"{number}, the oldest {_oldest(rows)} old"
    if old:
        seen += f", {old} older than {OLD.days} days"
    return Finding(_NAME, f"{seen}: {_reasons(rows)}", _LATE + _TO_DO if old else _TO_DO)


def _private(rows: Sequence[asyncpg.Record]) -> Finding:
    """Those that must be done within the legal period, and by when."""
    if not rows:
        return Finding(_PRIVACY, "none is set aside")
    topics = ", ".join(f"{row['topic']} ({row['number']})" for row in rows)
    left = LEGAL_PERIOD - timedelta(seconds=max(float(row["seconds"]) for row in rows))
    time_left = (
        f"{duration(left.total_seconds())} are left"
        if left > timedelta(0)
        else f"the law's {LEGAL_PERIOD.days} days are over"
    )
    return Finding(
        _PRIVACY,
        f"not done: {topics}, the oldest {_oldest(rows)} old: {time_left}",
        f"the law gives {LEGAL_PERIOD.days} days: put right what stopped them, then "
        f"`tillstream dead-letters retry --topic {rows[0]['topic']}`",
    )


def _oldest(rows: Sequence[asyncpg.Record]) -> str:
    return duration(max(float(row["seconds"]) for row in rows))


def _reasons(rows: Sequence[asyncpg.Record]) -> str:
    shown = [f"{row['name']} ({row['number']})" for row in rows[:_MAX_REASONS]]
    more = len(rows) - _MAX_REASONS
    return ", ".join(shown) + (f" and {more} more reasons" if more > 0 else "")
