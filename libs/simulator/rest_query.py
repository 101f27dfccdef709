"""Reads the parameters of a REST list or count. `page_info` carries those of its first page."""

import base64
import binascii
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from libs.simulator.pages import LARGEST_PAGE
from libs.simulator.search import AnyOf, Term
from libs.simulator.times import seconds_from_iso

Params = Mapping[str, str]

Reader = Callable[[str, str, ZoneInfo], Term | None]
Readers = Mapping[str, Reader]
"""What each parameter means; None chooses every row."""

_DEFAULT_LIMIT = 50
_BESIDE_PAGE_INFO = frozenset({"page_info", "limit", "fields"})
_PAGINATION_PAGE = "https://shopify.dev/api/usage/pagination-rest"
_ORDER_STATES = frozenset({"open", "closed", "cancelled", "any"})


class RestError(ValueError):
    """The parameter `name` cannot be; answered as 400."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.errors = {name: reason}


class ListQuery(Struct, frozen=True):
    """`filters` are the parameters that choose rows; `page` places the page among them."""

    filters: Params
    limit: int
    fields: tuple[str, ...]
    page: Mapping[str, Any]


def read_list_query(resource: str, params: Params, allowed: Collection[str]) -> ListQuery:
    """Raises RestError."""
    limit = _limit(params.get("limit"))
    fields = tuple(name.strip() for name in params.get("fields", "").split(",") if name.strip())
    if "page_info" not in params:
        filters: Params = {
            name: text for name, text in params.items() if name not in _BESIDE_PAGE_INFO
        }
        check_names(filters, allowed)
        return ListQuery(filters, limit, fields, {"first": limit})
    for name in params:
        if name not in _BESIDE_PAGE_INFO:
            raise RestError(
                name, f"{name} cannot be passed when page_info is present. See {_PAGINATION_PAGE}"
            )
    filters, direction, cursor = _page_info(params["page_info"], resource, allowed)
    page = {"first": limit, "after": cursor}
    if direction == "previous":
        page = {"last": limit, "before": cursor}
    return ListQuery(filters, limit, fields, page)


def page_info(resource: str, filters: Params, direction: str, cursor: str) -> str:
    text = json.dumps([resource, dict(filters), direction, cursor])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _page_info(text: str, wanted: str, allowed: Collection[str]) -> tuple[Params, str, str]:
    wrong = RestError("page_info", "Invalid value.")
    try:
        resource, filters, direction, cursor = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, TypeError, binascii.Error) as error:
        raise wrong from error
    if resource != wanted or direction not in ("next", "previous"):
        raise wrong
    if not isinstance(filters, dict) or not all(
        name in allowed and isinstance(text, str) for name, text in filters.items()
    ):
        raise wrong
    return filters, direction, cursor


def check_names(params: Params, allowed: Collection[str]) -> None:
    """Raises RestError."""
    for name in params:
        if name not in allowed:
            raise RestError(name, "The simulator knows no such parameter")


def _limit(text: str | None) -> int:
    """More than Shopify gives at once is asked for in vain."""
    if text is None:
        return _DEFAULT_LIMIT
    number = _number("limit", text)
    if number < 1:
        raise RestError("limit", "must be greater than 0")
    return min(number, LARGEST_PAGE)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise RestError(name, "must be an integer")
    return int(text)


def moment(name: str, text: str, zone: ZoneInfo) -> Term:
    """`created_at_min` and its like; without an offset the time is the shop's own."""
    field, _, end = name.rpartition("_")
    try:
        return Term(field, ">=" if end == "min" else "<=", seconds_from_iso(text, zone))
    except (ValueError, OverflowError) as error:
        raise RestError(name, "must be an ISO 8601 time") from error


def ids(name: str, text: str, _zone: ZoneInfo) -> Term:
    return Term("id", "", AnyOf(_number(name, one.strip()) for one in text.split(",")))


def since_id(name: str, text: str, _zone: ZoneInfo) -> Term:
    return Term("id", ">", _number(name, text))


def one_of(field: str) -> Reader:
    """Words parted by commas; `any` is all of them."""

    def read(_name: str, text: str, _zone: ZoneInfo) -> Term | None:
        words = AnyOf(word.strip() for word in text.split(","))
        return None if words == "any" else Term(field, "", words)

    return read


def order_state(name: str, text: str, _zone: ZoneInfo) -> Term | None:
    if text not in _ORDER_STATES:
        raise RestError(name, f"must be one of {', '.join(sorted(_ORDER_STATES))}")
    return None if text == "any" else Term("status", "", text)


def ordering(*fields: str) -> Reader:
    """`order`: one of the fields, and `asc` or `desc` after it. It leaves every row."""

    def read(name: str, text: str, _zone: ZoneInfo) -> None:
        field, _, direction = text.partition(" ")
        if field not in fields or direction not in ("", "asc", "desc"):
            raise RestError(name, f"must be one of {', '.join(fields)}, and asc or desc")

    return read


def order_of(filters: Params) -> Mapping[str, Any] | None:
    """What `order` says, checked before, as arguments of a connection."""
    if "order" not in filters:
        return None
    field, _, direction = filters["order"].partition(" ")
    return {"sortKey": field.upper(), "reverse": direction == "desc"}


def terms_of(filters: Params, readers: Readers, zone: ZoneInfo) -> list[Term]:
    """Raises RestError."""
    terms = (readers[name](name, text, zone) for name, text in filters.items())
    return [term for term in terms if term is not None]
