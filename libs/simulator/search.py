"""Shopify's search syntax, the part that reading a shop needs: `field:>=value`, joined by AND.

Times are compared to the second; a customer's updated_at matches whole days, in UTC. What is not
known here is refused, where Shopify would pass over it: a filter that filters nothing is a mistake
we want to see.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from libs.simulator.drafts import Checkout, Draft
from libs.simulator.events import Event
from libs.simulator.model import Collection, Customer, Order, Product, Variant
from libs.simulator.offers import Offer
from libs.simulator.operations import Operation
from libs.simulator.stock import Level, Location
from libs.simulator.times import seconds_from_search

_TERM = re.compile(
    r"(?P<not>-|NOT\s+)?(?P<field>[a-z_]+):(?P<op>>=|<=|>|<)?"
    r"(?P<value>'[^']*'|\"[^\"]*\"|[^\s()]+)"
)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "": operator.eq,
}


_DAY_SECONDS = 86_400


class SearchError(ValueError):
    """The query cannot be read."""

    code = "BAD_REQUEST"


class Term(Struct, frozen=True):
    field: str
    op: str
    value: Any
    negated: bool = False


def _as_number(text: str) -> int:
    return int(text.rpartition("/")[2])


def _as_flag(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _order_states(order: Order) -> frozenset[str]:
    state = "open" if order.cancelled_at is None else "cancelled"
    return frozenset({"any", "not_closed", state})


class AnyOf(frozenset[Any]):
    """Equal to any one of its members."""

    def __eq__(self, other: object) -> bool:
        return other in self

    __hash__ = frozenset.__hash__


_Field = tuple[Callable[[Any], Any], Callable[[str], Any]]

_FIELDS: Mapping[type, Mapping[str, _Field]] = {
    Order: {
        "id": (lambda order: order.id, _as_number),
        "created_at": (lambda order: order.created_at, seconds_from_search),
        "processed_at": (lambda order: order.processed_at, seconds_from_search),
        "updated_at": (lambda order: order.updated_at, seconds_from_search),
        "customer_id": (lambda order: order.customer_id or 0, _as_number),
        "test": (lambda order: order.test, _as_flag),
        "name": (lambda order: order.name, str),
        "financial_status": (lambda order: order.financial_status, str.lower),
        "status": (lambda order: AnyOf(_order_states(order)), str.lower),
    },
    Customer: {
        "id": (lambda customer: customer.id, _as_number),
        "created_at": (lambda customer: customer.created_at, seconds_from_search),
        "customer_date": (lambda customer: customer.created_at, seconds_from_search),
        "updated_at": (lambda customer: customer.updated_at, seconds_from_search),
        "email": (lambda customer: customer.email, str),
    },
    Product: {
        "id": (lambda product: product.id, _as_number),
        "created_at": (lambda product: product.created_at, seconds_from_search),
        "updated_at": (lambda product: product.updated_at, seconds_from_search),
        "status": (lambda product: product.status, str.lower),
        "sku": (lambda product: AnyOf(variant.sku for variant in product.variants), str),
        "title": (lambda product: product.title, str),
        "vendor": (lambda product: product.vendor, str),
    },
    Variant: {
        "id": (lambda variant: variant.id, _as_number),
        "product_id": (lambda variant: variant.product_id, _as_number),
        "created_at": (lambda variant: variant.created_at, seconds_from_search),
        "updated_at": (lambda variant: variant.updated_at, seconds_from_search),
        "sku": (lambda variant: variant.sku, str),
    },
    Collection: {
        "id": (lambda collection: collection.id, _as_number),
        "updated_at": (lambda collection: collection.updated_at, seconds_from_search),
        "title": (lambda collection: collection.title, str),
        "collection_type": (lambda collection: "custom", str.lower),
    },
    Level: {
        "created_at": (lambda level: level.item.created_at, seconds_from_search),
        "inventory_item_id": (lambda level: level.item.inventory_item_id, _as_number),
        "updated_at": (lambda level: level.item.updated_at, seconds_from_search),
    },
    Location: {
        "id": (lambda location: location.id, _as_number),
        "name": (lambda location: location.name, str),
    },
    Draft: {
        "id": (lambda draft: draft.id, _as_number),
        "created_at": (lambda draft: draft.created_at, seconds_from_search),
        "updated_at": (lambda draft: draft.updated_at, seconds_from_search),
        "status": (lambda draft: draft.status.lower(), str.lower),
    },
    Checkout: {
        "id": (lambda checkout: checkout.id, _as_number),
        "created_at": (lambda checkout: checkout.created_at, seconds_from_search),
        "updated_at": (lambda checkout: checkout.updated_at, seconds_from_search),
        "recovery_state": (
            lambda checkout: "recovered" if checkout.completed_at else "not_recovered",
            str.lower,
        ),
    },
    Offer: {
        "id": (lambda offer: offer.id, _as_number),
        "title": (lambda offer: offer.title, str),
        "status": (lambda offer: offer.status.lower(), str.lower),
        "created_at": (lambda offer: offer.starts_at, seconds_from_search),
        "updated_at": (lambda offer: offer.starts_at, seconds_from_search),
        "starts_at": (lambda offer: offer.starts_at, seconds_from_search),
    },
    Event: {
        "id": (lambda event: event.id, _as_number),
        "created_at": (lambda event: event.created_at, seconds_from_search),
        "subject_type": (lambda event: event.subject_type, str),
        "verb": (lambda event: event.verb, str),
    },
    Operation: {
        "id": (lambda operation: operation.id, _as_number),
        "created_at": (lambda operation: operation.created_at, seconds_from_search),
        "status": (lambda operation: operation.status.lower(), str.lower),
        "operation_type": (lambda operation: "query", str.lower),
    },
}


def terms_from_query(entity: type, query: str | None) -> list[Term]:
    """Raises SearchError."""
    terms: list[Term] = []
    text = (query or "").strip()
    while text:
        match = _TERM.match(text)
        if match is None:
            raise SearchError(f"The simulator cannot read the search from {text!r} on")
        terms += _whole_days(entity, _term(entity, match))
        text = text[match.end() :].lstrip()
        text = re.sub(r"^AND\s+", "", text)
    return terms


def _term(entity: type, match: re.Match[str]) -> Term:
    field = match["field"]
    if field not in _FIELDS[entity]:
        raise SearchError(f"The simulator knows no search field {field} of {entity.__name__}")
    _, convert = _FIELDS[entity][field]
    text = match["value"].strip("'\"")
    try:
        value = convert(text)
    except (ValueError, KeyError, OverflowError) as error:
        raise SearchError(f"{text!r} is not a value of search field {field}") from error
    return Term(field, match["op"] or "", value, negated=match["not"] is not None)


def _whole_days(entity: type, term: Term) -> list[Term]:
    """The same term, or bounds that mean the days it names."""
    if (entity, term.field) != (Customer, "updated_at"):
        return [term]
    first = term.value - term.value % _DAY_SECONDS
    since, before = first, first + _DAY_SECONDS
    match term.op:
        case ">=" | "<":
            return [Term(term.field, term.op, since, term.negated)]
        case ">":
            return [Term(term.field, ">=", before, term.negated)]
        case "<=":
            return [Term(term.field, "<", before, term.negated)]
        case _ if term.negated:
            raise SearchError(f"The simulator cannot search {term.field} for all days but one")
        case _:
            return [Term(term.field, ">=", since), Term(term.field, "<", before)]


def predicate(entity: type, terms: list[Term]) -> Callable[[Any], bool] | None:
    """None when everything matches."""
    if not terms:
        return None
    tests = [
        (_FIELDS[entity][term.field][0], _OPERATORS[term.op], term.value, not term.negated)
        for term in terms
    ]

    def matches(value: Any) -> bool:
        return all(compare(read(value), wanted) is yes for read, compare, wanted, yes in tests)

    return matches
