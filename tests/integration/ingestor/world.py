"""The store as the ingestor's own role sees it, with tenants made for one test each."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from services.ingestor.facts import Observation
from services.ingestor.store.apply import apply_observations
from services.ingestor.store.audit import recompute_differences
from tests.factories import connected_tenant

_ADD_SHOP = text("""INSERT INTO store.shops
    (tenant_id, shopify_id, domain, name, currency, zone, include_test_orders, observed_at)
    VALUES (:tenant_id, 1, :domain, 'Cups', 'EUR', :zone, :include_test_orders, now())""")


class World:
    def __init__(self, engine: AsyncEngine, owner: asyncpg.Connection) -> None:
        self.engine = engine
        self._owner = owner

    async def add_tenant(
        self, *, zone: str = "Europe/Berlin", include_test_orders: bool = False, shop: bool = True
    ) -> UUID:
        tenant_id = await connected_tenant(self._owner)
        if shop:
            await self.add_shop(tenant_id, zone=zone, include_test_orders=include_test_orders)
        return tenant_id

    async def add_shop(
        self, tenant_id: UUID, *, zone: str = "Europe/Berlin", include_test_orders: bool = False
    ) -> None:
        values = {
            "tenant_id": tenant_id,
            "domain": f"{tenant_id}.myshopify.com",
            "zone": zone,
            "include_test_orders": include_test_orders,
        }
        async with transaction(self.engine, tenants=[tenant_id]) as tx:
            await tx.execute(_ADD_SHOP, values)

    async def apply(self, *observations: Observation) -> Mapping[UUID, int]:
        async def work(tx: Transaction) -> Mapping[UUID, int]:
            return await apply_observations(tx, observations)

        tenants = {observation.tenant_id for observation in observations}
        return await in_transaction(self.engine, work, tenants=tenants)

    async def differences(self, tenant_id: UUID) -> list[str]:
        async with transaction(self.engine, tenants=[tenant_id]) as tx:
            return await recompute_differences(tx, tenant_id)

    async def rows(self, tenant_id: UUID, query: str) -> Sequence[Mapping[str, Any]]:
        """`query` may use :tenant."""
        async with transaction(self.engine, tenants=[tenant_id]) as tx:
            found = await tx.execute(text(query), {"tenant": tenant_id})
            return [dict(row) for row in found.mappings()]

    async def row(self, tenant_id: UUID, query: str) -> Mapping[str, Any]:
        (only,) = await self.rows(tenant_id, query)
        return only
