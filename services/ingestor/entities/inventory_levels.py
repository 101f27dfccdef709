"""Inventory levels: how many of an item are available at a location.

Of the quantities the one that deliveries tell is kept, so that a delivery and a pull say the same.
Exports list them below the items, of which each has few. An item is not changed by a change of its
stock, and items cannot be searched by it; levels below a location can. So pages read, below every
location, the levels that changed. A level that ended and of which no delivery told is put right by
the weekly whole pull; one that is connected again comes with the next pull.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.deliveries.bodies import Named
from services.ingestor.facts import Gone, Records
from services.ingestor.kinds.kind import Children, Kind, Owner, Row, Topic
from services.ingestor.values import GlobalId, Id, Moment, Number, Text

_NAME = "inventory_levels"
_AVAILABLE = "available"


class Level(Row, kw_only=True, frozen=True, gc=False):
    KEY: ClassVar[tuple[str, ...]] = ("inventory_item_id", "location_id")

    inventory_item_id: int
    location_id: int
    available: int | None


class _Quantity(Struct):
    name: Text
    quantity: Number


class _Referred(Struct):
    id: GlobalId


class _Node(Struct, rename="camel"):
    item: _Referred
    location: _Referred
    quantities: list[_Quantity]
    updated_at: Moment


class _Body(Named, kw_only=True):
    inventory_item_id: Id
    location_id: Id
    updated_at: Moment
    available: Number | None = None


class _DisconnectedBody(Named, kw_only=True, forbid_unknown_fields=True):
    inventory_item_id: Id
    location_id: Id


def _rows(_root: _Referred, levels: Sequence[_Node]) -> Sequence[Level]:
    return [
        Level(
            inventory_item_id=shopify_id(level.item.id),
            location_id=shopify_id(level.location.id),
            available=_available(level.quantities),
            updated_at=level.updated_at,
        )
        for level in levels
    ]


def _available(quantities: Sequence[_Quantity]) -> int | None:
    return next((each.quantity for each in quantities if each.name == _AVAILABLE), None)


def _seen(body: _Body) -> Records:
    row = Level(
        inventory_item_id=body.inventory_item_id,
        location_id=body.location_id,
        available=body.available,
        updated_at=body.updated_at,
    )
    return Records(entity=_NAME, rows=(row,))


def _gone(body: _DisconnectedBody) -> Gone:
    return Gone(entity=_NAME, key=(body.inventory_item_id, body.location_id))


_SEEN = Topic(body=_Body, fact=_seen)

_BELOW = Children(
    connection="inventoryLevels",
    fields="id updatedAt item { id } location { id } "
    f'quantities(names: ["{_AVAILABLE}"]) {{ name quantity }}',
    node=_Node,
)
_BY_ITEM = Kind(
    name=_NAME,
    scope="read_inventory",
    needs=("read_locations",),
    root="inventoryItems",
    fields="id",
    node=_Referred,
    row=Level,
    rows=_rows,
    children=_BELOW,
    others=(
        Owner(entity="inventory_items", column="inventory_item_id"),
        Owner(entity="locations", column="location_id"),
    ),
    node_type="InventoryItem",
    topics={
        "inventory_levels/connect": _SEEN,
        "inventory_levels/update": _SEEN,
        "inventory_levels/disconnect": Topic(body=_DisconnectedBody, fact=_gone),
    },
)
_CHANGED = replace(
    _BY_ITEM,
    root="locations",
    arguments="includeInactive: true",
    children=replace(_BELOW, search="updated_at", first=250),
    sort=None,
    search="",
)
KIND = replace(_BY_ITEM, changes=_CHANGED)
