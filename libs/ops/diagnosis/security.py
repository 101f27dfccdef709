"""What was tried at the doors in the last day, by the services' own counts."""

import asyncpg

from libs.common.security_events import SecurityEvent, is_routine
from libs.ops.diagnosis.findings import Finding

_NAME = "security events"
_COUNTED = """
    SELECT event, sum(count)::bigint AS number FROM (
        SELECT * FROM identity.security_counts
        UNION ALL SELECT * FROM tenancy.security_counts
        UNION ALL SELECT * FROM intake.security_counts
        UNION ALL SELECT hour, event, count FROM store.security_counts
    ) AS counts
    WHERE hour >= date_trunc('hour', now() - interval '24 hours')
    GROUP BY event ORDER BY number DESC, event"""


async def check_security_counts(connection: asyncpg.Connection) -> Finding:
    """No fault: what is counted here was refused. Alerts read the same tables."""
    rows = await connection.fetch(_COUNTED)
    known = {event.value: event for event in SecurityEvent}
    seen = [
        f"{row['event']} ({row['number']})"
        for row in rows
        if row["event"] not in known or not is_routine(known[row["event"]])
    ]
    if not seen:
        return Finding(_NAME, "nothing was refused in the last 24 hours")
    return Finding(_NAME, f"in the last 24 hours: {', '.join(seen)}")
