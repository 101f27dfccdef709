"""What PostgreSQL or its driver says is a record's fault, or the sign of a database not well."""

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from libs.common.database.engine import create_engine
from libs.common.database.failures import ReferenceMissingError
from libs.common.database.transaction import transaction
from libs.common.errors import DatabaseTimeoutError, DatabaseUnavailableError, RecordRefusedError


@pytest.fixture
async def engine(empty_database):
    made = create_engine(SecretStr(empty_database.url), "test", pool_size=1, statement_seconds=1)
    async with transaction(made) as tx:
        await tx.execute(text("CREATE TABLE parent (id int PRIMARY KEY, name text NOT NULL)"))
        await tx.execute(text("CREATE TABLE child (id int REFERENCES parent CHECK (id < 9))"))
        await tx.execute(text("CREATE TABLE days (day date) PARTITION BY RANGE (day)"))
        await tx.execute(text("INSERT INTO parent VALUES (1, 'one')"))
    yield made
    await made.dispose()


async def _run(engine, statement: str, *arguments: object) -> None:
    async with transaction(engine) as tx:
        await tx.exec_driver_sql(statement, arguments)


@pytest.mark.parametrize(
    ("statement", "arguments", "reason"),
    [
        ("SELECT $1::text", ("secret\0",), "sqlstate_22021"),
        ("SELECT $1::int", (10**12,), "sqlstate_22000"),
        ("SELECT $1::text", ("\ud800",), "sqlstate_22000"),
        ("INSERT INTO parent VALUES (2, NULL)", (), "sqlstate_23502 parent.name"),
        ("INSERT INTO parent VALUES (1, 'again')", (), "sqlstate_23505 parent.parent_pkey"),
        ("INSERT INTO child VALUES (10)", (), "sqlstate_23514 child.child_id_check"),
    ],
)
async def test_a_value_that_is_refused_is_the_records_fault(engine, statement, arguments, reason):
    with pytest.raises(RecordRefusedError) as refused:
        await _run(engine, statement, *arguments)
    assert refused.value.context["reason"] == reason
    assert refused.value.__suppress_context__
    await _run(engine, "SELECT 1")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT now() AT TIME ZONE 'Nowhere/Town'",
        "INSERT INTO days VALUES (now())",
        "SELECT * FROM nothing",
        "SELECT pg_terminate_backend(pg_backend_pid())",
    ],
)
async def test_all_else_is_a_database_that_is_not_well(engine, statement):
    with pytest.raises(DatabaseUnavailableError):
        await _run(engine, statement)
    await _run(engine, "SELECT 1")


async def test_a_foreign_key_is_waited_for_under_a_name_of_its_own(engine):
    with pytest.raises(ReferenceMissingError) as missing:
        await _run(engine, "INSERT INTO child VALUES (7)")
    assert missing.value.context["constraint"] == "child_id_fkey"


@pytest.mark.parametrize("setting", ["statement_timeout = '50ms'", "statement_timeout = 0"])
async def test_a_statement_that_takes_too_long_is_told_apart_from_an_outage(engine, setting):
    async def sleep() -> None:
        async with transaction(engine) as tx:
            await tx.exec_driver_sql(f"SET LOCAL {setting}")
            await tx.exec_driver_sql("SELECT pg_sleep(60)")

    with pytest.raises(DatabaseTimeoutError):
        await sleep()


async def test_a_database_that_turns_read_only_heals(engine, empty_database):
    name = empty_database.url.rpartition("/")[2]
    owner = await asyncpg.connect(empty_database.url)
    await owner.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await engine.dispose()
    with pytest.raises(DatabaseUnavailableError) as told:
        await _run(engine, "INSERT INTO parent VALUES (3, 'three')")
    assert "25006" in told.value.message
    await owner.execute("SET default_transaction_read_only = off")
    await owner.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    await _run(engine, "INSERT INTO parent VALUES (3, 'three')")
    await owner.close()


async def test_a_plan_that_a_migration_has_changed_heals(engine, empty_database):
    await _run(engine, "SELECT * FROM parent")
    owner = await asyncpg.connect(empty_database.url)
    await owner.execute("ALTER TABLE parent ADD COLUMN more text")
    await owner.close()
    with pytest.raises(DatabaseUnavailableError):
        await _run(engine, "SELECT * FROM parent")
    await _run(engine, "SELECT * FROM parent")
