"""Any object by its global id: what the app may not see is null, as if it were not there."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from libs.simulator.context import Context
from libs.simulator.few_rows import Args, Connection
from libs.simulator.model import Order
from libs.simulator.numbers import number_from_global_id
from libs.simulator.roots import ROOTS
from libs.simulator.schema import SCOPES
from libs.simulator.search import predicate

_LIST_OF_KIND: Mapping[str, str] = {root.kind: name for name, root in ROOTS.items()}


class Node(Struct, frozen=True):
    """A row and its type: one row may be several, a variant is an inventory item too."""

    kind: str
    row: Any


def _node(context: Context, _source: Any, args: Args) -> Node | None:
    return _find(context, str(args["id"]))


def _nodes(context: Context, _source: Any, args: Args) -> list[Node | None]:
    return [_find(context, str(each)) for each in args["ids"]]


def _find(context: Context, text: str) -> Node | None:
    kind = text.removeprefix("gid://shopify/").partition("/")[0]
    number = number_from_global_id(text, kind)
    if number is None:
        return None
    if kind == "BulkOperation":
        operation = context.shop.operations.get(number)
        return None if operation is None else Node(kind, operation)
    name = _LIST_OF_KIND.get(kind)
    if name is None or not context.may(SCOPES["QueryRoot", name]):
        return None
    row = ROOTS[name].rows(context.shop).get(number)
    return Node(kind, row) if row is not None and _is_shown(context, row) else None


def _is_shown(context: Context, row: Any) -> bool:
    if not isinstance(row, Order):
        return True
    matches = predicate(Order, context.order_terms())
    return matches is None or matches(row)


NODES: Mapping[tuple[str, str], Connection] = {
    ("QueryRoot", "node"): _node,
    ("QueryRoot", "nodes"): _nodes,
}
