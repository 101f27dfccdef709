"""One odd value in what a pull reads costs no more than itself: no page, no export, no row."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from services.ingestor.deliveries.decode import decode_delivery
from services.ingestor.facts import Order, Records
from services.ingestor.kinds.registry import KINDS
from services.ingestor.shopify import nodes
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.jsonl import Joined, joined_parts
from services.ingestor.shopify.pages import Page, read_changes
from services.ingestor.values import GLOBAL_ID, STRICT
from tests.unit.ingestor.bodies import assert_storable, order_body, record
from tests.unit.ingestor.leaping_time import in_leaping_time
from tests.unit.ingestor.shops import Shopify, connect

_SEEN = datetime(2026, 3, 9, tzinfo=UTC)
_NEEDED = {"__typename", "__parentId", "id", "currencyCode", "totalPriceSet"}
_ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from(
        (
            *("0000-12-31T18:03:24-05:50", "0001-01-01T00:00:00+14:00", "yesterday", ""),
            *("9999-12-31T23:59:59-05:00", "2026-03-07T12:00:00", "NaN", "1e400", "x" * 70_000),
            *("gid://shopify/Order/9999999999999999999999", "gid://shopify/x", "a\0b"),
        )
    ),
    lambda inner: st.lists(inner, max_size=3) | st.fixed_dictionaries({"id": inner}),
    max_leaves=4,
)


def _money(amount: str) -> dict[str, Any]:
    both = {"amount": amount, "currencyCode": "USD"}
    return {"shopMoney": both, "presentmentMoney": both}


def _order(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "__typename": "Order",
        "id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "createdAt": "2026-03-01T10:00:00Z",
        "processedAt": "2026-03-01T10:00:00Z",
        "updatedAt": f"2026-03-02T10:{number:02}:00Z",
        "test": False,
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "FULFILLED",
        "currencyCode": "USD",
        "presentmentCurrencyCode": "USD",
        "cancelledAt": None,
        "customer": {"id": "gid://shopify/Customer/7"},
        "totalPriceSet": _money("10.00"),
        "currentTotalPriceSet": _money("10.00"),
        "subtotalPriceSet": _money("10.00"),
        "totalDiscountsSet": _money("0.00"),
        "totalTaxSet": _money("0.00"),
        "totalShippingPriceSet": _money("0.00"),
        "refunds": [
            {
                "id": "gid://shopify/Refund/9",
                "createdAt": "2026-03-02T08:00:00Z",
                "processedAt": "2026-03-02T08:00:00Z",
                "totalRefundedSet": _money("1.00"),
            }
        ],
    } | changes


def _line(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "__typename": "LineItem",
        "__parentId": "gid://shopify/Order/1",
        "id": f"gid://shopify/LineItem/{number}",
        "title": "Mug",
        "sku": "M-1",
        "quantity": 1,
        "currentQuantity": 1,
        "product": {"id": "gid://shopify/Product/5"},
        "variant": None,
        "originalTotalSet": _money("10.00"),
        "discountAllocations": [],
    } | changes


def _decoded(root: Any, *children: Any) -> tuple[Any, Counter[str]]:
    unreadable: Counter[str] = Counter()
    joined = Joined(json.dumps(root).encode(), [json.dumps(child).encode() for child in children])
    return decode("orders", joined, _SEEN, unreadable), unreadable


@given(field=st.sampled_from(sorted(_order().keys() - _NEEDED)), value=_ODD)
def test_any_value_in_any_field_that_is_not_needed_leaves_the_order(field: str, value: Any) -> None:
    order, _ = _decoded(_order(**{field: value}), _line())
    assert isinstance(order, Order)
    assert (order.id, order.total, len(order.lines)) == (1, 10, 1)
    assert_storable(order)


@given(field=st.sampled_from(sorted(_line().keys() - _NEEDED)), value=_ODD)
def test_any_value_in_a_line_costs_that_line_at_most(field: str, value: Any) -> None:
    order, unreadable = _decoded(_order(), _line(), _line(2, **{field: value}))
    assert isinstance(order, Order)
    assert [line.id for line in order.lines] in ([1, 2], [1])
    assert len(order.lines) == 2 or unreadable
    assert_storable(order)


def test_half_a_character_in_a_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    lines = [
        json.dumps(_order(name="#1 \ud83d")).encode(),
        json.dumps(_line(title="Mug @")).encode().replace(b"@", b"\xf0\x9f"),
    ]
    file.write_bytes(b"\n".join(lines) + b"\n")
    for parts in (1, 3):
        [[joined]] = joined_parts(file, parts)
        unreadable: Counter[str] = Counter()
        order = decode("orders", joined, _SEEN, unreadable)
        assert isinstance(order, Order)
        assert (order.name, order.lines[0].title) == ("#1 \ufffd", "Mug \ufffd")
        assert unreadable == {"name": 1}


async def _page(*orders: dict[str, Any], entity: str = "orders") -> Page:
    page = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": list(orders)}
    content = json.dumps({"data": {"page": page}}).encode()
    headers = {"Date": "Mon, 09 Mar 2026 00:00:00 GMT"}
    answer = httpx.Response(200, content=content, headers=headers)
    return await read_changes(connect(Shopify(answer)), entity, _SEEN - timedelta(days=9))


@in_leaping_time
async def test_an_odd_object_costs_its_page_nothing():
    page = await _page(
        _order(1),
        _order(2, processedAt="0000-01-01T00:00:00Z", name="half \ud83d"),
        _order(3, currencyCode=None),
        _order(4, updatedAt="yesterday"),
    )
    assert [fact.id for fact in page.facts] == [1, 2, 4]
    assert page.facts[1].processed_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert page.facts[1].name == "half \ufffd"
    assert page.unreadable == {"processedAt": 1, "currencyCode": 1, "updatedAt": 1}


@in_leaping_time
async def test_a_time_of_change_that_is_none_moves_no_watermark():
    """Or all that changes until then would never be read."""
    newest = datetime(2026, 3, 2, 10, 1, tzinfo=UTC)
    for odd in ("yesterday", "9999-12-31T00:00:00Z", "2030-01-01T00:00:00Z", None):
        assert (await _page(_order(1), _order(2, updatedAt=odd))).newest == newest
    assert (await _page(_order(2, updatedAt="yesterday"))).newest is None


@in_leaping_time
async def test_rows_of_which_some_cannot_be_read_are_not_said_to_be_all():
    fulfillment = {
        "id": "gid://shopify/Fulfillment/1",
        "name": "#1.1",
        "status": "SUCCESS",
        "totalQuantity": 1,
        "createdAt": "2026-03-01T10:00:00Z",
        "updatedAt": "2026-03-01T10:00:00Z",
    }
    odd = fulfillment | {"id": "gid://shopify/Fulfillment/2", "totalQuantity": "many"}
    owner = {"id": "gid://shopify/Order/1", "updatedAt": "2026-03-02T10:00:00Z"}
    for listed, owner_id in (([fulfillment], 1), ([fulfillment, odd], None)):
        page = await _page(owner | {"fulfillments": listed}, entity="fulfillments")
        [rows] = page.facts
        assert isinstance(rows, Records)
        assert ([row.id for row in rows.rows], rows.owner_id) == ([1], owner_id)


def _shapes() -> Iterator[type[msgspec.Struct]]:
    """Whatever is read of Shopify's: nodes of pulls, bodies of deliveries."""
    yield from nodes.Line.__args__
    for kind in KINDS.values():
        yield kind.node
        if kind.children and kind.children.node:
            yield kind.children.node
        yield from (topic.body for topic in kind.topics.values())


@pytest.mark.parametrize("shape", sorted(set(_shapes()), key=lambda each: each.__qualname__))
def test_no_type_takes_what_the_database_does_not(shape: type[msgspec.Struct]) -> None:
    _check(inspect.type_info(shape))


def _check(found: Any, extra: Any = ()) -> None:
    match found:
        case inspect.Metadata():
            _check(found.type, found.extra or ())
        case inspect.StructType() | inspect.ListType() | inspect.UnionType():
            for each in _below(found):
                _check(each)
        case inspect.StrType():
            bounded = found.max_length is not None or found.pattern is not None
            assert bounded or not {GLOBAL_ID, STRICT}.isdisjoint(extra)
        case inspect.IntType():
            assert None not in (found.le, found.gt if found.ge is None else found.ge)
        case inspect.DateTimeType():
            assert found.tz is True


def _below(found: Any) -> list[Any]:
    if isinstance(found, inspect.StructType):
        return [field.type for field in found.fields]
    return [found.item_type] if isinstance(found, inspect.ListType) else list(found.types)


def test_names_of_unreadable_fields_are_finite() -> None:
    """Whatever comes, what is counted is bounded by what we read."""
    body = order_body(
        **{f"field{n}": n for n in range(100)}, line_items=[{str(n): n} for n in range(99)]
    )
    found = decode_delivery(record("orders/create", body)).unreadable_fields
    assert found == {"line_items[].id"}
