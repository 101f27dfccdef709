"""What REST lists: for each resource its rows, their order, its parameters and its bodies."""

from collections.abc import Callable
from typing import Any

from libs.simulator.context import Context
from libs.simulator.events import Event, events_of_order, events_of_product
from libs.simulator.model import Customer, Order, Product
from libs.simulator.order_payloads import order_body
from libs.simulator.pages import Page, count, listed, page, sorted_keys
from libs.simulator.payloads import Body
from libs.simulator.rest_payloads import rest_customer, rest_event, rest_product
from libs.simulator.rest_query import (
    ListQuery,
    Params,
    Readers,
    check_names,
    ids,
    moment,
    one_of,
    order_of,
    order_state,
    ordering,
    since_id,
    terms_of,
)
from libs.simulator.search import Term, predicate
from libs.simulator.shops import Shop

_Body = Callable[[Shop, Any], Body]


def _times(*names: str) -> Readers:
    return {f"{name}_{end}": moment for name in names for end in ("min", "max")}


class Resource:
    """Orders, customers or products. `newest` is the sort key of its usual order."""

    def __init__(
        self, name: str, entity: type, newest: str, scope: str | None, body: _Body, readers: Readers
    ) -> None:
        self.name = name
        self.scope = scope
        self.body = body
        self.readers = readers
        self._entity = entity
        self._newest = newest

    def page(self, context: Context, query: ListQuery) -> Page:
        """Raises RestError, and PageError when `page_info` was made up."""
        by_id = "since_id" in query.filters
        usual = {"sortKey": "ID"} if by_id else {"sortKey": self._newest, "reverse": True}
        order = order_of(query.filters) or usual
        terms = self._terms(context, query.filters)
        return self._rows(context, terms, {**query.page, **order})

    def count(self, context: Context, params: Params) -> int:
        """Raises RestError."""
        check_names(params, self.readers)
        return self._number(context, self._terms(context, params))

    def _terms(self, context: Context, filters: Params) -> list[Term]:
        return terms_of(filters, self.readers, context.shop.zone)

    def _rows(self, context: Context, terms: list[Term], args: dict[str, Any]) -> Page:
        return listed(context.shop, context.listings, self._entity, terms, args)

    def _number(self, context: Context, terms: list[Term]) -> int:
        return count(context.shop, self._entity, terms)


class _Orders(Resource):
    """Open ones when nothing else is said; of the last 60 days unless the app may see all."""

    def _terms(self, context: Context, filters: Params) -> list[Term]:
        return super()._terms(context, {"status": "open", **filters}) + context.order_terms()


class _Events(Resource):
    """Of what the app may read."""

    def _found(self, context: Context, terms: list[Term]) -> dict[int, Event]:
        shop, events = context.shop, list[Event]()
        if context.may("read_orders"):
            may_see = predicate(Order, context.order_terms())
            for order in list(shop.orders.values()):
                if may_see is None or may_see(order):
                    events += events_of_order(order)
        if context.may("read_products"):
            for product in list(shop.products.values()):
                events += events_of_product(product)
        matches = predicate(Event, terms)
        return {event.id: event for event in events if matches is None or matches(event)}

    def _rows(self, context: Context, terms: list[Term], args: dict[str, Any]) -> Page:
        found = self._found(context, terms)
        keys = sorted_keys(list(found.values()), Event, args["sortKey"])
        return page(keys, lambda key: found[key[1]], args)

    def _number(self, context: Context, terms: list[Term]) -> int:
        return len(self._found(context, terms))


_COMMON: Readers = {
    "ids": ids,
    "since_id": since_id,
    "order": ordering("id", "created_at", "updated_at"),
    **_times("created_at", "updated_at"),
}

RESOURCES: tuple[Resource, ...] = (
    _Orders(
        "orders",
        Order,
        "PROCESSED_AT",
        "read_orders",
        order_body,
        {
            **_COMMON,
            **_times("processed_at"),
            "order": ordering("id", "created_at", "updated_at", "processed_at"),
            "status": order_state,
            "financial_status": one_of("financial_status"),
        },
    ),
    Resource("customers", Customer, "CREATED_AT", "read_customers", rest_customer, _COMMON),
    Resource(
        "products",
        Product,
        "CREATED_AT",
        "read_products",
        rest_product,
        {**_COMMON, "status": one_of("status"), "vendor": one_of("vendor")},
    ),
    _Events(
        "events",
        Event,
        "CREATED_AT",
        None,
        rest_event,
        {
            "since_id": since_id,
            **_times("created_at"),
            "filter": one_of("subject_type"),
            "verb": one_of("verb"),
        },
    ),
)
