# Feature: shopify-multi-tenant-dashboard, Property 7: For any order retrieved from Shopify, the stored record should contain all required fields: unique identifier, tenant identifier, customer identifier (or null), total price, and creation timestamp.
"""Of every order that Shopify tells of, id, tenant, customer, total and times are kept."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common.messaging.publisher import Publisher
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.shopify_bodies import Original, both, gid, ingest, money, text
from tests.properties.store import ShopKind, Store
from tests.properties.values import IDS, START, Chance

MUTANT = Mutant(
    "services/ingestor/shopify/decode.py",
    "customer_id=_referred(line.customer, _CUSTOMER),",
    "customer_id=None,",
)


def _order(chance: Chance, number: int) -> Original:
    total, processed_at = chance.amount(), chance.moment()
    customer = chance.choice((None, *IDS))
    currency, title = chance.choice(("USD", "EUR")), text(chance)
    item = {"id": 5, "title": title, "quantity": 2, "price": money(total), "product_id": None}
    delivery = {
        "id": number,
        "name": title,
        "created_at": START.isoformat(),
        "processed_at": processed_at.isoformat(),
        "updated_at": "2026-03-02T12:00:00+09:00",
        "currency": currency,
        "total_price": money(total),
        "customer": None if customer is None else {"id": customer, "first_name": title},
        "line_items": [item],
    }
    root = {
        "__typename": "Order",
        "id": gid("Order", number),
        "name": title,
        "createdAt": START.isoformat(),
        "processedAt": processed_at.isoformat(),
        "updatedAt": "2026-03-02T12:00:00+09:00",
        "test": False,
        "currencyCode": currency,
        "presentmentCurrencyCode": currency,
        "customer": None if customer is None else {"id": gid("Customer", customer)},
        "totalPriceSet": both(total),
        "currentTotalPriceSet": both(total),
        "totalShippingPriceSet": both(total),
        "refunds": [],
    }
    line = {
        "__typename": "LineItem",
        "id": gid("LineItem", 5),
        "__parentId": gid("Order", number),
        "title": title,
        "quantity": 2,
        "currentQuantity": 2,
        "originalTotalSet": both(total),
    }
    expected = (number, customer, total, currency, processed_at, START, 2)
    return Original("orders/create", delivery, [root, line], expected)


@PROPERTY
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6), live=st.booleans())
async def test_everything_that_is_required_of_an_order_is_kept(
    store: Store, publisher: Publisher, seed: int, count: int, live: bool
):
    chance = Chance(seed)
    tenants = await store.connect([ShopKind(), ShopKind()])
    originals = [_order(chance, number) for number in chance.some(count)]

    await ingest(store, publisher, tenants[0], originals, live=live)

    rows = await store.read(
        tenants,
        "SELECT tenant_id, id, customer_id, total, currency, processed_at, created_at, units"
        " FROM store.orders",
    )
    expected = [(tenants[0], *original.expected) for original in originals]
    assert sorted(map(tuple, rows)) == sorted(expected)
