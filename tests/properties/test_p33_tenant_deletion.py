# Feature: shopify-multi-tenant-dashboard, Property 33: For any tenant, deleting it should either cascade delete all associated customers, orders, and products, or prevent deletion if dependencies exist.
"""With a tenant goes all that is kept of its shop, and nothing of any other."""

from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "libs/ops/migrations/versions/0001_foundation/store.sql",
    """CREATE TABLE store.products (
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,""",
    """CREATE TABLE store.products (
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id),""",
)
TABLES = ("customers", "orders", "order_lines", "products", "daily_sales", "shops", "versions")


async def _counts(store: Store, tenants: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
    query = " UNION ALL ".join(
        f"SELECT tenant_id, '{table}' AS name, count(*) AS n FROM store.{table} GROUP BY tenant_id"
        for table in TABLES
    )
    rows = await store.read(tenants, query)
    return {(row["tenant_id"], row["name"]): row["n"] for row in rows}


@PROPERTY
@given(history=histories(shops=3), which=st.integers(0, 2))
async def test_a_deleted_tenant_leaves_nothing_and_takes_nothing_else_along(
    store: Store, history: History, which: int
):
    tenants = await store.connect(history.kinds)
    for batch in history.observations(tenants):
        await store.apply(batch)
    gone = tenants[which % len(tenants)]
    before = await _counts(store, tenants)

    # The owner sees no tenant's rows here; a cascade asks for no such sight.
    await store.owner.execute("DELETE FROM tenancy.tenants WHERE id = $1", gone)

    kept = {key: count for key, count in before.items() if key[0] != gone}
    assert await _counts(store, tenants) == kept
