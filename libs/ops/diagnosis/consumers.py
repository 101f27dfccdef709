"""Whether a consumer pauses, because too much of what it takes would become dead letters."""

import asyncpg

from libs.ops.diagnosis.findings import Finding, duration

_NAME = "consumers"
_PAUSES = """SELECT consumer, dead, records, tenants, reason,
        EXTRACT(epoch FROM now() - since) AS seconds
    FROM store.consumer_pauses WHERE seen_at > now() - interval '1 minute' ORDER BY consumer"""
"""A consumer that pauses notes it every ten seconds at least."""
_TO_DO = (
    "it goes on by itself once the records can be handled: look for what changed, most likely a "
    "release, and take it back or correct it; nothing is lost meanwhile, and nothing is applied"
)


async def check_consumers(connection: asyncpg.Connection) -> Finding:
    rows = await connection.fetch(_PAUSES)
    if not rows:
        return Finding(_NAME, "none pauses")
    told = [
        f"{row['consumer']} pauses since {duration(float(row['seconds']))}: {row['dead']} of its "
        f"last {row['records']} records, of {row['tenants']} shops, would be dead letters "
        f"({row['reason']})"
        for row in rows
    ]
    return Finding(_NAME, ", ".join(told), _TO_DO)
