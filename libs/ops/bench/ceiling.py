"""How fast this PostgreSQL takes the very same rows when nothing is asked of it but to keep them.

Tables with the columns and the primary key of the real ones, and nothing else: no other index,
no foreign key, no row-level security, no rollup. Batches of the same size, one commit each.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from uuid import UUID

import asyncpg

from libs.ops.bench.usage import cpu_seconds

_TABLES = {
    "orders": ("id", "tenant_id, id"),
    "order_lines": ("order_id", "tenant_id, order_id, id"),
}
"""Table to the column that holds the order's id, and the primary key."""

_LONGEST_SECONDS = 600
_Write = Callable[["_Bench", int, int], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a backfill left. The daily rollup must say as many orders as count (no test orders)."""

    tenant: UUID
    orders: int
    lines: int
    counted: int
    rolled_up: int


@dataclass(frozen=True, slots=True)
class Ceiling:
    """`client_cpu` is ours, `server_cpu` that of the one backend."""

    seconds: float
    client_cpu: float
    server_cpu: float


@dataclass(frozen=True, slots=True)
class _Bench:
    reader: asyncpg.Connection
    writer: asyncpg.Connection
    columns: dict[str, dict[str, str]]


async def read_stored(owner_url: str, shop: str) -> Stored:
    connection = await asyncpg.connect(owner_url, command_timeout=_LONGEST_SECONDS)
    try:
        tenant = await connection.fetchval(
            "SELECT tenant_id FROM tenancy.shop_directory WHERE domain = $1", shop
        )
        await _show(connection, tenant)
        [row] = await connection.fetch(
            """SELECT (SELECT count(*) FROM store.orders) AS orders,
                (SELECT count(*) FROM store.order_lines) AS lines,
                (SELECT count(*) FROM store.orders WHERE counted) AS counted,
                (SELECT coalesce(sum(orders), 0)::bigint FROM store.daily_sales) AS rolled_up"""
        )
    finally:
        await connection.close()
    return Stored(tenant, *row)


async def measure_ceilings(owner_url: str, tenant: UUID, batch_orders: int) -> dict[str, Ceiling]:
    """By the way of writing: `unnest` of arrays, and `copy`."""
    reader = await asyncpg.connect(owner_url, command_timeout=_LONGEST_SECONDS)
    writer = await asyncpg.connect(owner_url, command_timeout=_LONGEST_SECONDS)
    try:
        await _show(reader, tenant)
        bench = _Bench(reader, writer, {name: await _columns(reader, name) for name in _TABLES})
        ends = await _batch_ends(reader, batch_orders)
        ways: dict[str, _Write] = {"unnest": _unnest, "copy": _copy}
        return {name: await _measure(bench, ends, way) for name, way in ways.items()}
    finally:
        await reader.close()
        await writer.close()


async def _show(connection: asyncpg.Connection, tenant: UUID) -> None:
    """Row-level security lets the connection see this tenant alone."""
    await connection.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{tenant}}}")


async def _columns(connection: asyncpg.Connection, table: str) -> dict[str, str]:
    rows = await connection.fetch(
        """SELECT attname, format_type(atttypid, atttypmod) AS kind FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum""",
        f"store.{table}",
    )
    return {row["attname"]: row["kind"] for row in rows}


async def _batch_ends(connection: asyncpg.Connection, batch_orders: int) -> list[tuple[int, int]]:
    """The first and the last order id of each batch."""
    rows = await connection.fetch(
        """SELECT min(id) AS first, max(id) AS last FROM (
            SELECT id, (row_number() OVER (ORDER BY id) - 1) / $1 AS batch
            FROM store.orders) AS numbered
        GROUP BY batch ORDER BY batch""",
        batch_orders,
    )
    return [(row["first"], row["last"]) for row in rows]


async def _measure(bench: _Bench, ends: list[tuple[int, int]], write: _Write) -> Ceiling:
    await bench.writer.execute("DROP SCHEMA IF EXISTS bench CASCADE; CREATE SCHEMA bench")
    for table, (_, key) in _TABLES.items():
        await bench.writer.execute(
            f"CREATE TABLE bench.{table} (LIKE store.{table} INCLUDING DEFAULTS,"
            f" PRIMARY KEY ({key}))"
        )
    backend = bench.writer.get_server_pid()
    seconds = client_cpu = 0.0
    server_before = cpu_seconds(backend)
    for first, last in ends:
        used_before = time.process_time()
        seconds += await write(bench, first, last)
        client_cpu += time.process_time() - used_before
    return Ceiling(seconds, client_cpu, cpu_seconds(backend) - server_before)


async def _unnest(bench: _Bench, first: int, last: int) -> float:
    """Amounts go as text, which the driver sends fastest. Reading is not timed."""
    batches = []
    for table, columns in bench.columns.items():
        wanted = ", ".join(
            f"{name}::text" if kind == "numeric" else name for name, kind in columns.items()
        )
        rows = await bench.reader.fetch(_selected(table, wanted), first, last)
        batches.append((_insert(table, columns), rows))
    began = time.perf_counter()
    async with bench.writer.transaction():
        for statement, rows in batches:
            await bench.writer.execute(statement, *zip(*rows, strict=True))
    return time.perf_counter() - began


async def _copy(bench: _Bench, first: int, last: int) -> float:
    """Binary, as PostgreSQL itself wrote it: the client has nothing to do."""
    files: dict[str, BytesIO] = {}
    for table in _TABLES:
        files[table] = BytesIO()
        await bench.reader.copy_from_query(
            _selected(table, "*"), first, last, output=files[table], format="binary"
        )
        files[table].seek(0)
    began = time.perf_counter()
    async with bench.writer.transaction():
        for table, file in files.items():
            await bench.writer.copy_to_table(
                table, schema_name="bench", source=file, format="binary"
            )
    return time.perf_counter() - began


def _selected(table: str, columns: str) -> str:
    order_id, key = _TABLES[table]
    return (
        f"SELECT {columns} FROM store.{table} "  # noqa: S608 - our own names
        f"WHERE {order_id} BETWEEN $1 AND $2 ORDER BY {key}"
    )


def _insert(table: str, columns: dict[str, str]) -> str:
    parameters = ", ".join(
        f"${n}::text[]::numeric[]" if kind == "numeric" else f"${n}::{kind}[]"
        for n, kind in enumerate(columns.values(), 1)
    )
    return f"INSERT INTO bench.{table} SELECT * FROM unnest({parameters})"  # noqa: S608
