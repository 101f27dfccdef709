"""The store as the ingestor writes it, and as the owner of the database reads it back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction
from services.ingestor.facts import Observation
from services.ingestor.store.apply import apply_observations

_ADD_SHOPS = """INSERT INTO store.shops
    (tenant_id, shopify_id, domain, name, currency, zone, include_test_orders, observed_at)
    SELECT id, 1, id || '.myshopify.com', 'Cups', currency, zone, tests, '2026-01-01T00:00:00Z'
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[])
        AS s(id, currency, zone, tests)"""


@dataclass(frozen=True, slots=True)
class ShopKind:
    zone: str = "UTC"
    currency: str = "USD"
    include_test_orders: bool = False


def visible(tenants: Collection[UUID]) -> str:
    """What `app.tenant_ids` must be for these tenants' rows to be seen."""
    return "{" + ",".join(map(str, tenants)) + "}"


class Store:
    def __init__(self, engine: AsyncEngine, owner: asyncpg.Connection) -> None:
        self.engine = engine
        self.owner = owner

    async def see(self, tenants: Collection[UUID]) -> None:
        """Let the owner's connection see these tenants until its transaction ends."""
        await self.owner.execute("SELECT set_config('app.tenant_ids', $1, true)", visible(tenants))

    async def connect(self, shops: Sequence[ShopKind]) -> list[UUID]:
        """New tenants, whose shop facts are there already. Their domain begins with their id."""
        tenants = [uuid4() for _ in shops]
        async with self.owner.transaction():
            await self.see(tenants)
            await self.owner.execute(
                "INSERT INTO tenancy.tenants (id, connected_at)"
                " SELECT id, now() FROM unnest($1::uuid[]) AS id",
                tenants,
            )
            await self.owner.execute(
                "INSERT INTO tenancy.shop_directory (domain, tenant_id, status)"
                " SELECT id || '.myshopify.com', id, 'active' FROM unnest($1::uuid[]) AS id",
                tenants,
            )
            columns = [[getattr(shop, name) for shop in shops] for name in ShopKind.__slots__]
            zones, currencies, tests = columns
            await self.owner.execute(_ADD_SHOPS, tenants, currencies, zones, tests)
        return tenants

    async def apply(self, batch: Sequence[Observation]) -> None:
        async def work(tx: Transaction) -> None:
            await apply_observations(tx, batch)

        await in_transaction(self.engine, work, tenants={each.tenant_id for each in batch})

    async def read(self, tenants: Collection[UUID], query: str, *values: Any) -> list[Any]:
        """All rows that `query` finds while exactly these tenants' rows can be seen."""
        async with self.owner.transaction():
            await self.see(tenants)
            return list(await self.owner.fetch(query, *values))
