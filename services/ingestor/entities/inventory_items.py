"""Inventory items: what a variant is in the stock. Shopify lists them by id alone.

`unit_cost` is in `currency`, which pulls alone name; until one did it is the shop's.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.deliveries.amounts import optional_money
from services.ingestor.deliveries.bodies import DeletionBody, Named
from services.ingestor.facts import Records
from services.ingestor.kinds.kind import Kind, Row, Topic, deletion_topic
from services.ingestor.values import Currency, GlobalId, Id, Moment, Text

_NAME = "inventory_items"


class Item(Row, kw_only=True, frozen=True, gc=False):
    id: int
    sku: str | None
    tracked: bool | None
    requires_shipping: bool | None
    unit_cost: Decimal | None
    currency: str | None
    created_at: datetime | None


class _Money(Struct, rename="camel"):
    amount: Decimal
    currency_code: Currency


class _Node(Struct, rename="camel"):
    id: GlobalId
    tracked: bool
    requires_shipping: bool
    created_at: Moment
    updated_at: Moment
    sku: Text | None = None
    unit_cost: _Money | None = None


class _Body(Named, kw_only=True):
    id: Id
    updated_at: Moment
    sku: Text | None = None
    tracked: bool | None = None
    requires_shipping: bool | None = None
    cost: Decimal | None = None
    created_at: Moment | None = None


class _DeletionBody(DeletionBody, kw_only=True):
    country_code_of_origin: Any = None
    province_code_of_origin: Any = None
    harmonized_system_code: Any = None
    country_harmonized_system_codes: Any = None


def _rows(node: _Node, _children: Sequence[Any]) -> Sequence[Item]:
    cost = node.unit_cost
    row = Item(
        id=shopify_id(node.id),
        sku=node.sku,
        tracked=node.tracked,
        requires_shipping=node.requires_shipping,
        unit_cost=cost.amount if cost else None,
        currency=cost.currency_code if cost else None,
        created_at=node.created_at,
        updated_at=node.updated_at,
    )
    return (row,)


def _seen(body: _Body) -> Records:
    row = Item(
        id=body.id,
        sku=body.sku,
        tracked=body.tracked,
        requires_shipping=body.requires_shipping,
        unit_cost=optional_money(body.cost, "cost"),
        currency=None,
        created_at=body.created_at,
        updated_at=body.updated_at,
    )
    return Records(entity=_NAME, rows=(row,))


_SEEN = Topic(body=_Body, fact=_seen)

KIND = Kind(
    name=_NAME,
    scope="read_inventory",
    root="inventoryItems",
    fields="id sku tracked requiresShipping unitCost { amount currencyCode } createdAt updatedAt",
    node=_Node,
    row=Item,
    rows=_rows,
    sort=None,
    from_pulls=("currency",),
    node_type="InventoryItem",
    page_size=250,
    topics={
        "inventory_items/create": _SEEN,
        "inventory_items/update": _SEEN,
        "inventory_items/delete": deletion_topic(_NAME, _DeletionBody),
    },
)
