# Feature: shopify-multi-tenant-dashboard, Property 4: For any customer record, ingesting it multiple times should result in a single database record with the most recent data, not duplicates.
"""However often and in whatever order a customer's copies arrive: one record, the newest."""

from hypothesis import given

from tests.properties.histories import History, histories
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store

MUTANT = Mutant(
    "services/ingestor/store/folding.py",
    "if held is None or (fact.updated_at, seen) > (held[0].updated_at, held[1]):",
    "if held is None:",
)


@PROPERTY
@given(history=histories())
async def test_one_record_is_left_with_the_newest_data(store: Store, history: History):
    tenants = await store.connect(history.kinds)

    for batch in history.observations(tenants):
        await store.apply(batch)

    rows = await store.read(
        tenants,
        "SELECT tenant_id, id, email, first_name, last_name FROM store.customers"
        " WHERE deleted_at IS NULL",
    )
    expected = [
        (tenant, number, *_data(left))
        for tenant, shop in zip(tenants, history.shops, strict=True)
        for number, left in shop.customers.items()
    ]
    assert sorted(map(tuple, rows), key=repr) == sorted(expected, key=repr)


def _data(customer):
    if customer is None:
        return (None, None, None)
    return (customer.email, customer.first_name, customer.last_name)
