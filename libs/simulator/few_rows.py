"""Lists that are short enough to be looked at and sorted for every page, and the lists below a
row."""

from collections.abc import Callable, Mapping
from typing import Any

from libs.simulator.children import CHILDREN, children_of, products_of
from libs.simulator.context import Context
from libs.simulator.numbers import number_from_global_id
from libs.simulator.pages import Page, page, part, sorted_keys
from libs.simulator.roots import ROOTS
from libs.simulator.search import predicate, terms_from_query
from libs.simulator.stock import Level, location_of, quantities

Args = Mapping[str, Any]
Connection = Callable[[Context, Any, Args], Any]

COUNT_LIMIT = 10_000
_SINGLES = {
    "productVariant": "productVariants",
    "collection": "collections",
    "location": "locations",
    "inventoryItem": "inventoryItems",
    "draftOrder": "draftOrders",
    "discountNode": "discountNodes",
}
_LISTS = (*_SINGLES.values(), "abandonedCheckouts", "codeDiscountNodes")


class Counted:
    __slots__ = ("exact", "number")

    def __init__(self, number: int, limit: int | None) -> None:
        self.exact = limit is None or number <= limit
        self.number = number if limit is None else min(number, limit)


def _listed(name: str) -> Connection:
    """Rows that are few enough to be looked at and sorted for every page."""
    root = ROOTS[name]

    def read(context: Context, _source: Any, args: Args) -> Page:
        matches = predicate(root.entity, terms_from_query(root.entity, args.get("query")))
        rows = root.rows(context.shop).values()
        found = {row.id: row for row in rows if matches is None or matches(row)}
        keys = sorted_keys(list(found.values()), root.entity, str(args.get("sortKey") or "ID"))
        return page(keys, lambda key: found[key[1]], args)

    return read


def _counted(name: str) -> Connection:
    root = ROOTS[name]

    def read(context: Context, _source: Any, args: Args) -> Counted:
        matches = predicate(root.entity, terms_from_query(root.entity, args.get("query")))
        rows = root.rows(context.shop).values()
        number = sum(1 for row in rows if matches is None or matches(row))
        return Counted(number, args.get("limit", COUNT_LIMIT))

    return read


def _single(name: str) -> Connection:
    root = ROOTS[name]

    def read(context: Context, _source: Any, args: Args) -> Any:
        number = number_from_global_id(str(args.get("id")), root.kind)
        return None if number is None else root.rows(context.shop).get(number)

    return read


def _below(parent_type: str, name: str) -> Connection:
    return lambda context, source, args: part(
        children_of(parent_type, name, args)(context.shop, source), args
    )


def _level(context: Context, item: Any, args: Args) -> Level | None:
    location = location_of(context.shop.facts)
    asked = number_from_global_id(str(args["locationId"]), "Location")
    return Level(location, item) if asked == location.id else None


FEW: Mapping[tuple[str, str], Connection] = {
    **{("QueryRoot", name): _listed(name) for name in _LISTS},
    **{("QueryRoot", f"{name}Count"): _counted(name) for name in _LISTS},
    **{("QueryRoot", name): _single(several) for name, several in _SINGLES.items()},
}
BELOW: Mapping[tuple[str, str], Connection] = {
    **{key: _below(*key) for key in CHILDREN},
    ("Collection", "productsCount"): lambda context, collection, _: Counted(
        len(products_of(context.shop, collection)), None
    ),
    ("Product", "variantsCount"): lambda _, product, __: Counted(len(product.variants), None),
    ("Product", "mediaCount"): lambda *_: Counted(0, None),
    ("Product", "description"): lambda *_: "",
    ("Product", "options"): lambda _, product, args: [product][: args.get("first")],
    ("InventoryItem", "inventoryLevel"): _level,
    ("InventoryLevel", "quantities"): lambda _, level, args: quantities(level, args["names"]),
}
