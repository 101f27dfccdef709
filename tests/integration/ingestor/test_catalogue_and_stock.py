"""Variants, collections, items and levels follow their deliveries in any order, and go with what
they belong to."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from services.ingestor.entities.collection_products import Membership
from services.ingestor.entities.inventory_items import Item
from services.ingestor.facts import Observation, Records
from tests.integration.ingestor.facts import at, product, seen
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import facts_in

PRODUCT, ITEM, PLACE, COLLECTION = 4, 41, 51, 6
_Delivery = tuple[str, Any]


def _facts(tenant_id: UUID, delivery: _Delivery, minutes: float) -> list[Observation]:
    topic, body = delivery
    return [seen(tenant_id, fact, minutes) for fact in facts_in(topic, body)]


def _variant(number: int, minutes: float, **values: Any) -> dict[str, Any]:
    body = {"id": number, "updated_at": at(minutes).isoformat(), "price": "4.00", "position": 1}
    return body | values


def _product(minutes: float, *variants: dict[str, Any]) -> dict[str, Any]:
    times = {"created_at": at(0).isoformat(), "updated_at": at(minutes).isoformat()}
    return {"id": PRODUCT, "title": "Cup", "variants": list(variants), **times}


def _item(minutes: float, sku: str) -> dict[str, Any]:
    return {"id": ITEM, "sku": sku, "cost": "2.00", "updated_at": at(minutes).isoformat()}


def _level(minutes: float, available: int) -> dict[str, Any]:
    key = {"inventory_item_id": ITEM, "location_id": PLACE}
    return {**key, "available": available, "updated_at": at(minutes).isoformat()}


CHANGES: Mapping[str, tuple[Sequence[_Delivery], str, list[tuple[Any, ...]]]] = {
    "variants": (
        [
            ("products/create", _product(1, _variant(1, 1))),
            ("products/update", _product(2, _variant(1, 2, price="5.00"))),
            ("products/update", _product(3, _variant(1, 3, price="6.00", inventory_quantity=-1))),
        ],
        "SELECT id, price::text, inventory_quantity FROM store.product_variants",
        [(1, "6.00", -1)],
    ),
    "variants that ended": (
        [
            ("products/create", _product(1, _variant(1, 1))),
            ("products/update", _product(2, _variant(1, 1), _variant(2, 2))),
            ("products/update", _product(3, _variant(1, 1))),
            ("products/update", _product(4, _variant(1, 1), _variant(3, 4))),
        ],
        "SELECT id FROM store.product_variants",
        [(1,), (3,)],
    ),
    "variants of a deleted product": (
        [
            ("products/create", _product(1, _variant(1, 1), _variant(2, 1))),
            ("products/update", _product(2, _variant(1, 2))),
            ("products/delete", {"id": PRODUCT}),
        ],
        "SELECT id FROM store.product_variants",
        [],
    ),
    "collections": (
        [
            (f"collections/{word}", {"id": 6, "title": word, "updated_at": at(n).isoformat()})
            for n, word in enumerate(("create", "update"), 1)
        ],
        "SELECT id, title FROM store.collections",
        [(6, "update")],
    ),
    "deleted collections": (
        [
            ("collections/create", {"id": 6, "title": "One", "updated_at": at(1).isoformat()}),
            ("collections/delete", {"id": 6, "published_scope": "web"}),
        ],
        "SELECT id FROM store.collections",
        [],
    ),
    "items": (
        [
            ("inventory_items/create", _item(1, "A")),
            ("inventory_items/update", _item(2, "B")),
        ],
        "SELECT id, sku, unit_cost::text FROM store.inventory_items",
        [(ITEM, "B", "2.00")],
    ),
    "levels": (
        [
            ("inventory_levels/connect", _level(1, 0)),
            ("inventory_levels/update", _level(2, 9)),
            ("inventory_levels/update", _level(3, -2)),
        ],
        "SELECT available FROM store.inventory_levels",
        [(-2,)],
    ),
    "disconnected levels": (
        [
            ("inventory_levels/connect", _level(1, 0)),
            ("inventory_levels/update", _level(2, 9)),
            ("inventory_levels/disconnect", {"inventory_item_id": ITEM, "location_id": PLACE}),
        ],
        "SELECT available FROM store.inventory_levels",
        [],
    ),
    "levels of a deleted item": (
        [
            ("inventory_items/create", _item(1, "A")),
            ("inventory_levels/connect", _level(2, 9)),
            ("inventory_items/delete", {"id": ITEM}),
        ],
        "SELECT inventory_item_id FROM store.inventory_levels",
        [],
    ),
    "levels of a deleted location": (
        [
            ("inventory_levels/update", _level(1, 9)),
            ("locations/delete", {"id": PLACE}),
        ],
        "SELECT location_id FROM store.inventory_levels",
        [],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_deliveries_in_any_order_and_any_batches_give_the_same(world: World, name: str):
    deliveries, query, expected = CHANGES[name]
    for order in permutations(enumerate(deliveries, 1)):
        apart, together = await world.add_tenant(), await world.add_tenant()
        for minutes, delivery in order:
            await world.apply(*_facts(apart, delivery, minutes))
        await world.apply(*(fact for n, each in order for fact in _facts(together, each, n)))

        for tenant_id in (apart, together):
            rows = await world.rows(tenant_id, f"{query} WHERE deleted_at IS NULL")
            assert sorted(tuple(row.values()) for row in rows) == expected, order
            assert await world.differences(tenant_id) == []


@pytest.mark.parametrize("pulled_first", [True, False])
async def test_a_cost_keeps_the_currency_that_a_pull_named(world: World, *, pulled_first: bool):
    tenant_id = await world.add_tenant()
    row = Item(
        id=ITEM,
        sku="A",
        tracked=True,
        requires_shipping=True,
        unit_cost=Decimal("1.50"),
        currency="EUR",
        created_at=at(0),
        updated_at=at(1),
    )
    pulled = [seen(tenant_id, Records(entity="inventory_items", rows=(row,)), 1, pulled=True)]
    told = _facts(tenant_id, ("inventory_items/update", _item(2, "B")), 2)
    for batch in (pulled, told) if pulled_first else (told, pulled):
        await world.apply(*batch)

    query = "SELECT sku, unit_cost::text AS cost, currency FROM store.inventory_items"
    assert await world.rows(tenant_id, query) == [{"sku": "B", "cost": "2.00", "currency": "EUR"}]


async def test_a_list_of_some_variants_takes_no_other_away(world: World):
    tenant_id = await world.add_tenant()
    names = [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{n}"} for n in (1, 2)]
    some = {**_product(2, _variant(1, 2)), "variant_gids": names}
    for minutes, body in enumerate((_product(1, _variant(1, 1), _variant(2, 1)), some), 1):
        await world.apply(*_facts(tenant_id, ("products/update", body), minutes))
    query = "SELECT id FROM store.product_variants WHERE deleted_at IS NULL ORDER BY id"
    assert [row["id"] for row in await world.rows(tenant_id, query)] == [1, 2]

    whole = {**some, "variant_gids": names[:1]}
    await world.apply(*_facts(tenant_id, ("products/update", whole), 3))
    assert [row["id"] for row in await world.rows(tenant_id, query)] == [1]


async def test_a_list_that_a_pull_read_is_not_added_to_by_an_older_delivery(world: World):
    tenant_id = await world.add_tenant()
    [_, variants] = facts_in("products/update", _product(3, _variant(1, 3)))
    [_, older] = facts_in("products/update", _product(2, _variant(4, 2)))
    some = {**_product(2, _variant(3, 2)), "variant_gids": [{}, {}]}
    await world.apply(seen(tenant_id, product(PRODUCT, 3), 3, pulled=True))
    await world.apply(seen(tenant_id, variants, 3, pulled=True))

    late = _product(2, _variant(1, 1), _variant(2, 2))
    for body in (late, some):
        await world.apply(*_facts(tenant_id, ("products/update", body), 2))
    query = "SELECT id FROM store.product_variants WHERE deleted_at IS NULL ORDER BY id"
    assert await world.rows(tenant_id, query) == [{"id": 1}]

    # What a pull shows may have been read later than its time says: the next one decides.
    await world.apply(seen(tenant_id, older, 2, pulled=True))
    later = _product(5, _variant(2, 2), _variant(4, 2))
    assert await world.rows(tenant_id, query) == [{"id": 1}, {"id": 4}]
    await world.apply(*_facts(tenant_id, ("products/update", later), 5))
    assert await world.rows(tenant_id, query) == [{"id": 2}, {"id": 4}]
    assert await world.differences(tenant_id) == []


def _members(minutes: float, *products: int) -> Records:
    rows = [
        Membership(collection_id=COLLECTION, product_id=each, updated_at=at(minutes))
        for each in products
    ]
    return Records(entity="collection_products", rows=tuple(rows), owner_id=COLLECTION)


@pytest.mark.parametrize(
    ("end", "left"),
    [(("products/delete", {"id": PRODUCT}), [5]), (("collections/delete", {"id": COLLECTION}), [])],
)
@pytest.mark.parametrize("listed_first", [True, False])
async def test_a_membership_goes_with_its_collection_and_with_its_product(
    world: World, end: _Delivery, left: list[int], *, listed_first: bool
):
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, product(PRODUCT)), seen(tenant_id, product(5)))
    listed = [seen(tenant_id, _members(1, PRODUCT, 5), 1, pulled=True)]
    ended = _facts(tenant_id, end, 2)
    for batch in (listed, ended) if listed_first else (ended, listed):
        await world.apply(*batch)

    query = "SELECT product_id FROM store.collection_products WHERE deleted_at IS NULL"
    assert [row["product_id"] for row in await world.rows(tenant_id, query)] == left
    assert await world.differences(tenant_id) == []


async def test_a_collection_that_a_later_pull_shows_again_has_its_products_again(world: World):
    tenant_id = await world.add_tenant()
    await world.apply(seen(tenant_id, _members(1, 5), 1, pulled=True))
    await world.apply(*_facts(tenant_id, ("collections/delete", {"id": COLLECTION}), 2))
    await world.apply(seen(tenant_id, _members(1, 5), 3, pulled=True))

    rows = await world.rows(tenant_id, "SELECT deleted_at FROM store.collection_products")
    assert rows == [{"deleted_at": None}]


async def test_a_deletion_that_a_later_pull_overruled_takes_no_rows_along(world: World):
    tenant_id = await world.add_tenant()
    body = ("products/create", _product(1, _variant(1, 1)))
    await world.apply(*_facts(tenant_id, body, 1))
    await world.apply(seen(tenant_id, product(PRODUCT), 3, pulled=True))

    await world.apply(*_facts(tenant_id, ("products/delete", {"id": PRODUCT}), 2))

    query = "SELECT id FROM store.product_variants WHERE deleted_at IS NULL"
    assert [row["id"] for row in await world.rows(tenant_id, query)] == [1]
