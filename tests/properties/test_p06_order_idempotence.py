# Feature: shopify-multi-tenant-dashboard, Property 6: For any order record, ingesting it multiple times should not create duplicate orders in the database.
"""However often and in whatever order an order's copies arrive: one order, with one set of lines."""

from hypothesis import given

from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/ingestor/store/statements.py",
    "THEN (excluded.updated_at, excluded.observed_at) > (held.updated_at, held.observed_at)",
    "THEN true",
)


@PROPERTY
@given(history=histories())
async def test_an_order_is_there_once_as_its_newest_copy_says(store: Store, history: History):
    tenants = await store.connect(history.kinds)

    for batch in history.observations(tenants):
        await store.apply(batch)

    expected = [
        (tenant, order)
        for tenant, shop in zip(tenants, history.shops, strict=True)
        for order in shop.orders.values()
    ]
    rows = await store.read(
        tenants,
        "SELECT tenant_id, id, total, currency, customer_id, processed_at, test"
        " FROM store.orders WHERE deleted_at IS NULL",
    )
    assert sorted(map(tuple, rows), key=repr) == sorted(
        (
            (tenant, o.id, o.total, o.currency, o.customer_id, o.processed_at, o.test)
            for tenant, o in expected
        ),
        key=repr,
    )
    lines = await store.read(
        tenants,
        "SELECT tenant_id, order_id, l.id, quantity FROM store.order_lines l"
        " JOIN store.orders o USING (tenant_id) WHERE o.id = order_id AND o.deleted_at IS NULL",
    )
    assert sorted(map(tuple, lines)) == sorted(
        (tenant, order.id, line.id, line.quantity)
        for tenant, order in expected
        for line in order.lines
    )
