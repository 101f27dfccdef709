# Feature: shopify-multi-tenant-dashboard, Property 9: For any product record, ingesting it multiple times should result in updates to the existing record, not duplicates.
"""However often a product arrives, its one record is updated."""

from hypothesis import given

from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/ingestor/store/entities.py",
    'taking = f"{take((*data, *_SEEN))}, deleted_at = NULL,"',
    'taking = "deleted_at = NULL,"',
)


@PROPERTY
@given(history=histories())
async def test_a_product_is_there_once_as_its_newest_copy_says(store: Store, history: History):
    tenants = await store.connect(history.kinds)

    for batch in history.observations(tenants):
        await store.apply(batch)

    rows = await store.read(
        tenants,
        "SELECT tenant_id, id, title, vendor, price, updated_at FROM store.products"
        " WHERE deleted_at IS NULL",
    )
    expected = [
        (tenant, left.id, left.title, left.vendor, left.price, left.updated_at)
        for tenant, shop in zip(tenants, history.shops, strict=True)
        for left in shop.products.values()
    ]
    assert sorted(map(tuple, rows), key=repr) == sorted(expected, key=repr)
