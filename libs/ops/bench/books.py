"""What PostgreSQL holds of one tenant, read as the owner of it all. Nothing is written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

import asyncpg

from libs.ops.errors import OperationError

_POLL_SECONDS = 0.1
_LONGEST_SECONDS = 1_800
_STATEMENT_SECONDS = 600
_FACTS = ("customers", "orders", "order_lines", "refunds", "products")
_ROLLUPS = ("daily_sales", "customer_sales", "product_sales", "entity_counts")
_WHEN_IT_WAS_SEEN = ["observed_at", "pulled_at", "variants_listed_at", "lines_read_at"]
"""No part of what a shop is: a pull that finds nothing new writes a later moment."""

_SUM_OF_ROWS = """coalesce(sum(
    ('x' || left(md5((to_jsonb(it) - $1::text[])::text), 15))::bit(60)::bigint), 0)::text"""


class Pull(NamedTuple):
    """One that has ended well. Moments are seconds since 1970; the sales are in at `sales_at`,
    proved and with their rollups, and the further entities at the end.
    """

    id: UUID
    records: int
    requested_at: float
    started_at: float
    finished_at: float
    sales_at: float

    @property
    def sales_seconds(self) -> float:
        return self.sales_at - self.started_at

    @property
    def seconds(self) -> float:
        return self.finished_at - self.started_at


class Books:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def newest_pull(self) -> UUID | None:
        """Whatever its state."""
        found: UUID | None = await self._connection.fetchval(
            "SELECT id FROM store.pulls ORDER BY requested_at DESC, id DESC LIMIT 1"
        )
        return found

    async def is_over(self) -> bool:
        """Whether the newest pull has ended."""
        found = await self._connection.fetchval(
            "SELECT finished_at IS NOT NULL FROM store.pulls"
            " ORDER BY requested_at DESC, id DESC LIMIT 1"
        )
        return bool(found)

    async def pull_after(self, before: UUID | None) -> Pull:
        """The end of the pull that follows `before`. Raises OperationError unless it succeeded."""
        clock = asyncio.get_running_loop().time
        until = clock() + _LONGEST_SECONDS
        while clock() < until:
            if row := await self._ended_after(before):
                state, errors, *rest = row
                if state != "succeeded":
                    raise OperationError(f"a pull ended as {state}: {errors}")
                return Pull(*rest)
            await asyncio.sleep(_POLL_SECONDS)
        raise OperationError("a pull has not ended for half an hour")

    async def _ended_after(self, before: UUID | None) -> asyncpg.Record | None:
        return await self._connection.fetchrow(
            """SELECT state, errors, id, records_processed,
                extract(epoch FROM requested_at)::float8, extract(epoch FROM started_at)::float8,
                extract(epoch FROM finished_at)::float8,
                (SELECT extract(epoch FROM max(updated_at))::float8 FROM store.pull_entities
                    WHERE pull_id = pulls.id AND entity IN ('customers', 'orders', 'products'))
            FROM store.pulls WHERE finished_at IS NOT NULL AND id IS DISTINCT FROM $1
                AND requested_at >= coalesce(
                    (SELECT requested_at FROM store.pulls WHERE id = $1), '-infinity')
            ORDER BY requested_at DESC, id DESC LIMIT 1""",
            before,
        )

    async def applied(self) -> int:
        """Records that the newest pull has in, by its own checkpoint."""
        return int(
            await self._connection.fetchval(
                """SELECT coalesce(sum(done), 0) FROM store.pull_entities WHERE pull_id = (
                    SELECT id FROM store.pulls ORDER BY requested_at DESC, id DESC LIMIT 1)"""
            )
        )

    async def some_orders(self, count: int) -> list[int]:
        """The ids of so many, from all of the shop's time."""
        rows = await self._connection.fetch(
            "SELECT id FROM store.orders ORDER BY md5(id::text) LIMIT $1", count
        )
        return [row["id"] for row in rows]

    async def orders_written_in_vain(self) -> int:
        """Rows of orders that were inserted once more than they are there: by what was undone."""
        inserted = await self._connection.fetchval(
            "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relid = 'store.orders'::regclass"
        )
        return int(inserted - await self._connection.fetchval("SELECT count(*) FROM store.orders"))

    async def digest(self) -> dict[str, tuple[int, str]]:
        """Rows and a sum over all that is in them, by table: equal only when the states are."""
        return {table: await self._digest_of(table) for table in (*_FACTS, *_ROLLUPS)}

    async def _digest_of(self, table: str) -> tuple[int, str]:
        [row] = await self._connection.fetch(
            f"SELECT count(*), {_SUM_OF_ROWS} FROM store.{table} AS it",  # noqa: S608 - our names
            _WHEN_IT_WAS_SEEN,
        )
        return row[0], row[1]


@asynccontextmanager
async def open_books(owner_url: str, shop: str) -> AsyncIterator[Books]:
    """Of a connected shop; closed with the block."""
    connection = await asyncpg.connect(owner_url, command_timeout=_STATEMENT_SECONDS)
    try:
        tenant = await connection.fetchval(
            "SELECT tenant_id FROM tenancy.shop_directory WHERE domain = $1", shop
        )
        if tenant is None:
            raise OperationError(f"{shop} is not connected")
        # Row-level security lets the connection see this tenant alone.
        await connection.execute("SELECT set_config('app.tenant_ids', $1, false)", f"{{{tenant}}}")
        yield Books(connection)
    finally:
        await connection.close()
