"""Facts of a shop, written as the ingestor leaves them: rows and the rollups that follow."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID, uuid4

import asyncpg

from tests.factories import connected_tenant

_AT = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Order:
    id: int
    day: date
    total: Decimal
    customer_id: int | None = None
    currency: str = "USD"
    test: bool = False
    deleted: bool = False

    @property
    def counted(self) -> bool:
        return not (self.test or self.deleted)


@dataclass(frozen=True)
class Customer:
    id: int
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    deleted: bool = False


@dataclass
class Shop:
    """A tenant's facts. `write` makes the database agree with them."""

    database_url: str
    tenant_id: UUID = field(default_factory=uuid4)
    currency: str = "USD"
    zone: str = "America/New_York"
    customers: list[Customer] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute(
                "SELECT set_config('app.tenant_ids', $1, false)", f"{{{self.tenant_id}}}"
            )
            yield connection
        finally:
            await connection.close()

    async def connect(self) -> None:
        """The tenant alone: nothing of the shop is known yet."""
        async with self.connection() as connection:
            await connected_tenant(connection, self.tenant_id)

    async def write(self, *, version: int = 1) -> None:
        async with self.connection() as connection, connection.transaction():
            await self._write_shop(connection, version)
            await self._write_customers(connection)
            await self._write_orders(connection)
            await connection.execute(_ROLLUPS)

    async def pull(
        self,
        state: str,
        kind: str = "backfill",
        at: datetime = _AT,
        entities: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        pull_id = uuid4()
        async with self.connection() as connection:
            await connection.execute(
                "INSERT INTO store.pulls (tenant_id, id, kind, state, requested_at)"
                " VALUES ($1, $2, $3, $4, $5)",
                *(self.tenant_id, pull_id, kind, state, at),
            )
            for entity, its_state in entities.items():
                await connection.execute(
                    "INSERT INTO store.pull_entities (tenant_id, pull_id, entity, state)"
                    " VALUES ($1, $2, $3, $4)",
                    *(self.tenant_id, pull_id, entity, its_state),
                )

    async def _write_shop(self, connection: asyncpg.Connection, version: int) -> None:
        await connection.execute(
            "INSERT INTO store.shops (tenant_id, shopify_id, domain, name, currency, zone,"
            " observed_at) VALUES ($1, 1, 'x.myshopify.com', 'X', $2, $3, $4)"
            " ON CONFLICT (tenant_id) DO NOTHING",
            *(self.tenant_id, self.currency, self.zone, _AT),
        )
        await connection.execute(
            "INSERT INTO store.versions (tenant_id, version) VALUES ($1, $2)"
            " ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version",
            *(self.tenant_id, version),
        )

    async def _write_customers(self, connection: asyncpg.Connection) -> None:
        await connection.executemany(
            "INSERT INTO store.customers (tenant_id, id, first_name, last_name, email, updated_at,"
            " observed_at, deleted_at) VALUES ($1, $2, $3, $4, $5, $6, $6, $7)"
            " ON CONFLICT DO NOTHING",
            [
                (
                    *(self.tenant_id, customer.id, customer.first_name, customer.last_name),
                    *(customer.email, _AT, _AT if customer.deleted else None),
                )
                for customer in self.customers
            ],
        )

    async def _write_orders(self, connection: asyncpg.Connection) -> None:
        await connection.executemany(
            "INSERT INTO store.orders (tenant_id, id, customer_id, processed_at, day, currency,"
            " total, test, counted, updated_at, observed_at, deleted_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11) ON CONFLICT DO NOTHING",
            [self._order_row(order) for order in self.orders],
        )

    def _order_row(self, order: Order) -> Sequence[object]:
        return (
            *(self.tenant_id, order.id, order.customer_id),
            *(datetime.combine(order.day, time(12), UTC), order.day, order.currency),
            *(order.total, order.test, order.counted, _AT, _AT if order.deleted else None),
        )


_ROLLUPS = """
DELETE FROM store.daily_sales;
DELETE FROM store.customer_sales;
DELETE FROM store.entity_counts;
INSERT INTO store.daily_sales (tenant_id, day, currency, orders, revenue)
    SELECT tenant_id, day, currency, count(*) FILTER (WHERE counted),
           coalesce(sum(total) FILTER (WHERE counted), 0)
    FROM store.orders GROUP BY tenant_id, day, currency;
INSERT INTO store.customer_sales (tenant_id, customer_id, currency, orders, revenue)
    SELECT tenant_id, customer_id, currency, count(*), sum(total)
    FROM store.orders WHERE counted AND customer_id IS NOT NULL
    GROUP BY tenant_id, customer_id, currency;
INSERT INTO store.entity_counts (tenant_id, entity, records)
    SELECT tenant_id, 'orders', count(*) FROM store.orders WHERE counted GROUP BY tenant_id
    UNION ALL
    SELECT tenant_id, 'customers', count(*) FROM store.customers WHERE deleted_at IS NULL
    GROUP BY tenant_id;
"""
