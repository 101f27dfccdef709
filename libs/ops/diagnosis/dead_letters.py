"""How many dead letters wait for a person, for how long, and why."""

from collections.abc import Sequence

import asyncpg

from libs.ops.diagnosis.findings import Finding, duration

_NAME = "dead letters"
_MAX_REASONS = 5
_NO_TENANT = "00000000-0000-0000-0000-000000000000"
# The owner is bound by row-level security too: it must name the tenants that it looks at.
_SEE_ALL_TENANTS = """
    SELECT set_config('app.tenant_ids', array_append(array_agg(id), $1::uuid)::text, true)
    FROM tenancy.tenants"""
_BY_REASON = """
    SELECT coalesce(topic, consumer) || ' ' || reason AS name, count(*) AS number,
           count(DISTINCT tenant_id) AS tenants,
           EXTRACT(epoch FROM now() - min(created_at)) AS seconds
    FROM store.dead_letters GROUP BY 1 ORDER BY number DESC, name"""
_TO_DO = (
    "each is a delivery or event that was not applied: read the reason, put right what caused it; "
    "a full pull of the shop (`tillstream pulls`) brings what a delivery told"
)


async def check_dead_letters(connection: asyncpg.Connection) -> Finding:
    """Any dead letter is wrong: a person must decide about each."""
    async with connection.transaction(readonly=True):
        await connection.execute(_SEE_ALL_TENANTS, _NO_TENANT)
        rows = await connection.fetch(_BY_REASON)
    if not rows:
        return Finding(_NAME, "none")
    number = sum(row["number"] for row in rows)
    oldest = duration(max(float(row["seconds"]) for row in rows))
    return Finding(_NAME, f"{number}, the oldest {oldest} old: {_reasons(rows)}", _TO_DO)


def _reasons(rows: Sequence[asyncpg.Record]) -> str:
    shown = [f"{row['name']} ({row['number']})" for row in rows[:_MAX_REASONS]]
    more = len(rows) - _MAX_REASONS
    return ", ".join(shown) + (f" and {more} more reasons" if more > 0 else "")
