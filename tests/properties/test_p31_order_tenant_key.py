# Feature: shopify-multi-tenant-dashboard, Property 31: For any order record, it must have a valid tenant identifier that references an existing tenant.
"""An order without a tenant that exists cannot be stored, whoever tries."""

from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestor.facts import Observation
from services.ingestor.store.tenants import ShopFactsMissingError
from tests.properties.histories import make_order
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store
from tests.properties.values import START, Chance

MUTANT = Mutant(
    "libs/ops/migrations/versions/0005_facts_checked_by_statement/up.sql",
    "CREATE TRIGGER orders_have_a_tenant AFTER INSERT ON store.orders",
    "CREATE TRIGGER orders_have_a_tenant AFTER INSERT ON store.products",
)
INSERT = (
    "INSERT INTO store.orders"
    " (tenant_id, id, processed_at, day, currency, updated_at, observed_at)"
    " VALUES ($1, $2, now(), '2026-01-01', 'USD', now(), now())"
)


@PROPERTY
@given(seed=st.integers(0, 2**32), count=st.integers(1, 4))
async def test_an_order_needs_a_tenant_that_exists(store: Store, seed: int, count: int):
    chance = Chance(seed)
    existing = await store.connect([ShopKind()] * 2)
    unknown = [uuid4(), uuid4()]

    for number in chance.some(count):
        for tenant in (*existing, *unknown, None):
            accepted = await _insert(store, [*existing, *unknown], tenant, number)
            assert accepted == (tenant in existing)
        seen = Observation(
            tenant_id=chance.choice(unknown),
            fact=make_order(chance, number, START),
            observed_at=START,
        )
        with pytest.raises(ShopFactsMissingError):
            await store.apply([seen])

    rows = await store.read([*existing, *unknown], "SELECT DISTINCT tenant_id FROM store.orders")
    assert {row["tenant_id"] for row in rows} == set(existing)


async def _insert(store: Store, seen: list[UUID], tenant: UUID | None, number: int) -> bool:
    """Whether the database takes the row, from its own owner."""
    try:
        async with store.owner.transaction():
            await store.see(seen)
            # The row says that no tenant may be left out; the policy that the list is kept to.
            await store.owner.execute(INSERT, tenant, number)
    except (
        asyncpg.ForeignKeyViolationError,
        asyncpg.NotNullViolationError,
        asyncpg.InsufficientPrivilegeError,
    ):
        return False
    return True
