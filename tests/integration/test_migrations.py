"""Every migration goes up, comes down without a trace, and goes up again to the same database."""

import asyncpg
import pytest

from libs.ops.migrate import migrate, migrate_down
from libs.ops.roles import SERVICES, role_name

PASSWORDS = dict.fromkeys(SERVICES, "only-for-tests")

CATALOGUE = """
SELECT 'column', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       a.attnotnull::text
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('tenancy', 'identity', 'intake', 'store') AND a.attnum > 0
UNION ALL
SELECT 'constraint', n.nspname, coalesce(conrelid::regclass::text, ''), conname,
       pg_get_constraintdef(o.oid), ''
FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
WHERE n.nspname IN ('tenancy', 'identity', 'intake', 'store')
UNION ALL
SELECT 'policy', schemaname, tablename, policyname, qual, with_check FROM pg_policies
UNION ALL
SELECT 'grant', n.nspname, c.relname, c.relacl::text, '', ''
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('tenancy', 'identity', 'intake', 'store')
UNION ALL
SELECT 'schema', nspname, '', '', '', '' FROM pg_namespace
WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'information_schema'
"""


async def _catalogue(url: str) -> set[tuple[str, ...]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(CATALOGUE)
    await connection.close()
    return {tuple(row) for row in rows}


async def test_up_down_and_up_again(empty_database):
    await migrate(empty_database.url, PASSWORDS)
    first = await _catalogue(empty_database.url)
    await migrate_down(empty_database.url, "base")
    down = await _catalogue(empty_database.url)
    await migrate(empty_database.url, PASSWORDS)
    again = await _catalogue(empty_database.url)

    assert len(first) > 200
    assert {row[1] for row in down} == {"public"}
    assert first == again


async def test_a_second_run_changes_nothing(empty_database):
    await migrate(empty_database.url, PASSWORDS)
    before = await _catalogue(empty_database.url)
    await migrate(empty_database.url, PASSWORDS)
    assert await _catalogue(empty_database.url) == before


@pytest.mark.parametrize("made_by", ["migrate", "a copy of it"])
async def test_only_the_ingestor_may_make_temporary_tables(empty_database, database, made_by):
    if made_by == "migrate":
        await migrate(empty_database.url, PASSWORDS)
    owner = await asyncpg.connect((empty_database if made_by == "migrate" else database).url)
    may = [
        service
        for service in SERVICES
        if await owner.fetchval(
            "SELECT has_database_privilege($1, current_database(), 'TEMPORARY')", role_name(service)
        )
    ]
    await owner.close()

    assert may == ["ingestor"]
