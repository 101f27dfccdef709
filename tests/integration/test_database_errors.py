"""Only what is proven to be a record's fault is a record's fault; all else the database says is
waited out, on a connection that the trouble is not in.
"""

import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.database.transaction import (
    ConcurrentWriteError,
    DuplicateError,
    ReferenceMissingError,
    Transaction,
    transaction,
)
from libs.common.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    PlatformError,
    RecordRefusedError,
)
from services.ingestor.store.statements import Given, run
from tests.databases import Database

Work = Callable[[Transaction], Awaitable[Any]]
NOW = datetime(2026, 11, 2, tzinfo=UTC)
BEFORE_CHRIST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
COLUMNS = {"at": "timestamptz", "number": "bigint", "name": "text", "amount": "numeric"}
ROW = (NOW, 1, "a name", Decimal("1.00"))
INSERT = Given(
    "records",
    COLUMNS,
    lambda rows: f"INSERT INTO records SELECT at, number, name, amount FROM {rows} RETURNING 1",
)


@pytest.fixture
async def engine(empty_database: Database) -> AsyncIterator[AsyncEngine]:
    owner = await asyncpg.connect(empty_database.url)
    await owner.execute("""
        CREATE TABLE records (at timestamptz, number integer CHECK (number < 1000),
            name text NOT NULL, amount numeric(9, 2), UNIQUE (name));
        CREATE TABLE parts (record text REFERENCES records (name));
        CREATE TABLE days (day date) PARTITION BY RANGE (day)""")
    await owner.close()
    made = create_engine(SecretStr(empty_database.url), "tests", statement_seconds=2)
    yield made
    await made.dispose()


def inserting(rows: int, row: Sequence[Any]) -> Work:
    columns = [[value] * rows for value in row]
    columns[3] = [str(row[3])] * rows  # as every amount is sent
    columns[2] = [row[2] if row[2] is None else f"{n}{row[2]}" for n in range(rows)]
    return lambda tx: INSERT.run(tx, *columns)


async def error_of(engine: AsyncEngine, work: Work) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        async with transaction(engine) as tx:
            await work(tx)
    return caught.value


@pytest.mark.parametrize("rows", [1, 300], ids=["sent", "copied"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        (0, BEFORE_CHRIST),
        (1, 10**30),
        (1, 10**12),
        (1, 5_000),
        (2, "kept\x00secret"),
        (2, "kept\ud800secret"),
        (2, None),
        (3, Decimal("1e12")),
        (3, Decimal("Infinity")),
    ],
)
async def test_a_value_that_is_refused_is_the_records_fault_and_not_shown(
    engine: AsyncEngine, rows: int, column: int, value: object
):
    row = [*ROW[:column], value, *ROW[column + 1 :]]
    if rows > 1 and value is BEFORE_CHRIST:
        pytest.skip("copied as microseconds, which PostgreSQL takes")
    error = await error_of(engine, inserting(rows, row))
    assert type(error) is RecordRefusedError
    assert str(error.context["reason"]).startswith(("refused_2", "not_copied_"))
    told = "".join(traceback.format_exception(error, chain=True))
    assert "secret" not in told
    assert str(10**12) not in told.replace(str(10**30), "")


async def test_a_key_that_is_there_already_is_named(engine: AsyncEngine):
    async with transaction(engine) as tx:
        await inserting(1, ROW)(tx)
    error = await error_of(engine, inserting(1, ROW))
    assert type(error) is DuplicateError
    assert error.context["reason"] == "refused_23505_records_name_key"


NOT_WELL = {
    "read_only": "SET LOCAL transaction_read_only = on; DELETE FROM records",
    "killed": "SELECT pg_terminate_backend(pg_backend_pid())",
    "no partition": "INSERT INTO days VALUES ('2026-01-01')",
    "unknown zone": "SELECT now() AT TIME ZONE 'Mars/Phobos'",
    "no table": "SELECT * FROM tables_of_a_later_version",
    "no right": "SET LOCAL ROLE pg_monitor; DELETE FROM records",
    "full disk": "DO $$ BEGIN RAISE disk_full; END $$",
    "broken disk": "DO $$ BEGIN RAISE io_error; END $$",
    "internal": "DO $$ BEGIN RAISE internal_error; END $$",
    "changed plan": "DO $$ BEGIN RAISE feature_not_supported; END $$",
    "idle": "DO $$ BEGIN RAISE SQLSTATE '25P03'; END $$",
    "check of no name": "DO $$ BEGIN RAISE check_violation; END $$",
    "unforeseen": "DO $$ BEGIN RAISE EXCEPTION 'of our own'; END $$",
}


@pytest.mark.parametrize("statements", NOT_WELL.values(), ids=NOT_WELL.keys())
async def test_all_else_that_the_database_says_is_its_own_trouble_on_a_connection_that_goes(
    engine: AsyncEngine, statements: str
):
    before = await backend(engine)

    async def work(tx: Transaction) -> None:
        for statement in statements.split("; ", 1 if "DO" not in statements else 0):
            await tx.exec_driver_sql(statement)

    error = await error_of(engine, work)
    assert type(error) is DatabaseUnavailableError
    assert await backend(engine) != before


async def test_a_missing_reference_is_waited_for(engine: AsyncEngine):
    insertion = "INSERT INTO parts VALUES ('of nothing')"
    error = await error_of(engine, lambda tx: tx.exec_driver_sql(insertion))
    assert type(error) is ReferenceMissingError


@pytest.mark.parametrize(
    "statements",
    ["SELECT pg_sleep(60)", "SET LOCAL statement_timeout = 50; SELECT pg_sleep(60)"],
    ids=["driver", "server"],
)
async def test_what_takes_too_long_is_told_apart(engine: AsyncEngine, statements: str):

    async def work(tx: Transaction) -> None:
        for statement in statements.split("; "):
            await tx.exec_driver_sql(statement)

    assert type(await error_of(engine, work)) is DatabaseTimeoutError


async def test_a_concurrent_write_stays_what_it_is(engine: AsyncEngine):
    deadlock = "DO $$ BEGIN RAISE deadlock_detected; END $$"
    error = await error_of(engine, lambda tx: tx.exec_driver_sql(deadlock))
    assert type(error) is ConcurrentWriteError


async def test_a_changed_table_under_a_kept_plan_heals_by_itself(
    engine: AsyncEngine, empty_database: Database
):
    async def read(tx: Transaction) -> Any:
        return await run(tx, "SELECT * FROM records")

    async with transaction(engine) as tx:
        await inserting(1, ROW)(tx)
        await read(tx)
    owner = await asyncpg.connect(empty_database.url)
    await owner.execute("ALTER TABLE records ALTER COLUMN number TYPE bigint")
    await owner.close()
    for _ in range(2):
        try:
            async with transaction(engine) as tx:
                rows = await read(tx)
        except DatabaseUnavailableError:
            continue
        break
    assert len(rows) == 1


async def backend(engine: AsyncEngine) -> int:
    async with transaction(engine) as tx:
        [row] = await run(tx, "SELECT pg_backend_pid() AS pid")
        return int(row.pid)
