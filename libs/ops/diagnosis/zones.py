"""Whether PostgreSQL knows the time zone of every shop: without one no business day can be told."""

import asyncpg

from libs.ops.diagnosis.findings import Finding
from libs.ops.diagnosis.tenants import see_all_tenants

_NAME = "time zones"
_UNKNOWN = """
    SELECT zone, count(*) AS shops FROM store.shops
    WHERE NOT EXISTS (SELECT FROM pg_timezone_names WHERE name = zone)
    GROUP BY zone ORDER BY shops DESC, zone"""
_IN_UTC_INSTEAD = """
    SELECT count(*) FROM store.unreadable_fields
    WHERE topic = 'shop' AND field = 'iana_timezone'"""
_TO_DO = (
    "give PostgreSQL's host the zone database with the older names (Debian: tzdata-legacy), "
    "then pull the shops (`tillstream pulls`)"
)


async def check_zones(connection: asyncpg.Connection) -> Finding:
    async with connection.transaction(readonly=True):
        await see_all_tenants(connection)
        unknown = await connection.fetch(_UNKNOWN)
        in_utc = await connection.fetchval(_IN_UTC_INSTEAD)
    told = [f"{row['zone']}, of {row['shops']} shops, is not known" for row in unknown]
    if in_utc:
        told.append(f"{in_utc} shops have their days in UTC, as PostgreSQL does not know theirs")
    if not told:
        return Finding(_NAME, "all known to PostgreSQL")
    return Finding(_NAME, ", ".join(told), _TO_DO)
