"""Is the database there, at this version, with its roles and the time; does work wait in it?"""

from urllib.parse import urlsplit

import asyncpg

from libs.common.clock import utc_now
from libs.ops.diagnosis.consumers import check_consumers
from libs.ops.diagnosis.dead_letters import check_dead_letters
from libs.ops.diagnosis.erasures import check_deletions
from libs.ops.diagnosis.findings import Finding, duration
from libs.ops.diagnosis.security import check_security_counts
from libs.ops.diagnosis.tasks import check_tasks, check_totals
from libs.ops.diagnosis.zones import check_zones
from libs.ops.migrate import newest_revision
from libs.ops.roles import SERVICES, role_name

_MOST_SKEW_SECONDS = 5.0
_LONG_WAIT_SECONDS = 60
_HOW_MANY_SINCE = (
    "SELECT count(*) AS number, EXTRACT(epoch FROM now() - min({})) AS seconds FROM {}"
)
_WAITING = {
    "spool": (
        _HOW_MANY_SINCE.format("received_at", "intake.spool"),
        "webhooks passes deliveries on once RabbitMQ takes them: see the broker's findings",
    ),
    "outbox": (
        _HOW_MANY_SINCE.format("created_at", "tenancy.outbox"),
        "oauth passes events on once RabbitMQ takes them: see the broker's findings",
    ),
}
"""Where something waits to what tells its number and greatest age, and to what to do. A quorum
queue does not tell the age of its first message."""
_START = "look into logs/postgres.log of the data folder, or start `tillstream up` again"


async def look_at_database(owner_url: str) -> list[Finding]:
    place = urlsplit(owner_url).netloc.rpartition("@")[2]
    try:
        connection = await asyncpg.connect(owner_url, timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        return [Finding("database", f"{place} refuses: {type(error).__name__}", _START)]
    try:
        migrations = await _migrations(connection)
        return [
            Finding("database", f"answers at {place}"),
            migrations,
            await _roles(connection),
            await _clock(connection),
            *(await _contents(connection) if migrations.ok else ()),
        ]
    finally:
        await connection.close()


async def _contents(connection: asyncpg.Connection) -> list[Finding]:
    """What can be asked only of a database at this version."""
    return [
        *[await _waiting(connection, name) for name in _WAITING],
        await check_consumers(connection),
        await check_zones(connection),
        *await check_dead_letters(connection),
        await check_deletions(connection),
        await check_tasks(connection),
        await check_totals(connection),
        await check_security_counts(connection),
    ]


async def _migrations(connection: asyncpg.Connection) -> Finding:
    wanted = newest_revision()
    try:
        found = await connection.fetchval("SELECT version_num FROM schema_history")
    except asyncpg.UndefinedTableError:
        found = None
    if found == wanted:
        return Finding("migrations", f"at {found}, the newest")
    return Finding(
        "migrations", f"at {found or 'none'}, the newest is {wanted}", "run `tillstream migrate`"
    )


async def _roles(connection: asyncpg.Connection) -> Finding:
    rows = await connection.fetch(
        "SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND NOT rolbypassrls"
    )
    there = {row["rolname"] for row in rows}
    lacking = [role_name(name) for name in SERVICES if role_name(name) not in there]
    if not lacking:
        return Finding("roles", "one per service, none above row-level security")
    return Finding(
        "roles", f"missing or too powerful: {', '.join(lacking)}", "run `tillstream migrate`"
    )


async def _clock(connection: asyncpg.Connection) -> Finding:
    before = utc_now()
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    ours = before + (utc_now() - before) / 2
    seconds = abs((theirs - ours).total_seconds())
    seen = f"{seconds:.1f} s apart from the database's"
    if seconds <= _MOST_SKEW_SECONDS:
        return Finding("clock", seen)
    return Finding("clock", seen, "set both machines by the same time server (NTP)")


async def _waiting(connection: asyncpg.Connection, name: str) -> Finding:
    query, to_do = _WAITING[name]
    row = await connection.fetchrow(query)
    if row is None or row["seconds"] is None:
        return Finding(name, "nothing waits")
    seconds = float(row["seconds"])
    seen = f"{row['number']} waiting, the oldest for {duration(seconds)}"
    return Finding(name, seen, to_do if seconds > _LONG_WAIT_SECONDS else "")
