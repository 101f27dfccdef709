# Feature: shopify-multi-tenant-dashboard, Property 10: For any product retrieved from Shopify, the stored record should contain all required fields: unique identifier, tenant identifier, title, and price (or null if unavailable).
"""Of every product that Shopify tells of, id, tenant, title and price are kept; no price is null."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common.messaging.publisher import Publisher
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.shopify_bodies import Original, gid, ingest, kept, money, text
from tests.properties.store import ShopKind, Store
from tests.properties.values import Chance

MUTANT = Mutant(
    "services/ingestor/shopify/decode.py",
    "price=min((each.price for each in variants if each.price is not None), default=None),",
    "price=max((each.price for each in variants if each.price is not None), default=None),",
)


def _product(chance: Chance, number: int) -> Original:
    title, prices = text(chance), [chance.amount() for _ in range(chance.randrange(4))]
    times = {"created_at": "2026-03-01T10:00:00-05:00", "updated_at": "2026-03-02T12:00:00Z"}
    root = {
        "__typename": "Product",
        "id": gid("Product", number),
        "title": title,
        "status": "ACTIVE",
        "createdAt": times["created_at"],
        "updatedAt": times["updated_at"],
    }
    variants = [
        {
            "__typename": "ProductVariant",
            "id": gid("ProductVariant", place),
            "__parentId": gid("Product", number),
            "price": money(price),
        }
        for place, price in enumerate(prices, 1)
    ]
    told = [
        {"id": place, "price": money(price), "updated_at": times["updated_at"]}
        for place, price in enumerate(prices, 1)
    ]
    return Original(
        chance.choice(("products/create", "products/update")),
        {"id": number, "title": title, "status": "active", "variants": told, **times},
        [root, *variants],
        (number, kept(title), min(prices, default=None), "active"),
    )


@PROPERTY
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6), live=st.booleans())
async def test_everything_that_is_required_of_a_product_is_kept(
    store: Store, publisher: Publisher, seed: int, count: int, live: bool
):
    chance = Chance(seed)
    tenants = await store.connect([ShopKind(), ShopKind()])
    originals = [_product(chance, number) for number in chance.some(count)]

    await ingest(store, publisher, tenants[0], originals, live=live)

    rows = await store.read(
        tenants, "SELECT tenant_id, id, title, price, status FROM store.products"
    )
    expected = [(tenants[0], *original.expected) for original in originals]
    assert sorted(map(tuple, rows), key=repr) == sorted(expected, key=repr)
