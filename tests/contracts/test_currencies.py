"""Every currency that Shopify's Admin API 2026-10 has is taken, whether or not ISO 4217 has it."""

import pytest
from graphql import GraphQLEnumType, GraphQLSchema

from libs.common.errors import MessageMalformedError
from libs.simulator.schema import admin_schema
from services.ingestor.facts import Order
from tests.contracts.shopify_schema import full_schema
from tests.unit.ingestor.bodies import facts_in, order_body


def _codes(schema: GraphQLSchema) -> set[str]:
    kind = schema.type_map["CurrencyCode"]
    assert isinstance(kind, GraphQLEnumType)
    return set(kind.values)


def _decoded(code: str) -> Order:
    body = order_body(currency=code, presentment_currency=code)
    [order, *_] = facts_in("orders/create", body)
    assert isinstance(order, Order)
    return order


def test_an_order_in_any_currency_of_shopifys_is_read():
    codes = _codes(full_schema())
    assert codes > {"USD", "USDC", "XXX"}

    read = {code: _decoded(code) for code in codes}

    assert {order.currency for order in read.values()} == codes
    assert {order.presentment_currency for order in read.values()} == codes


@pytest.mark.parametrize("code", ["", "US", "usd", "U$D", "USD\n", "A" * 9])
def test_what_is_no_code_at_all_is_no_currency(code: str):
    with pytest.raises(MessageMalformedError):
        _decoded(code)


def test_the_simulator_has_shops_in_every_currency():
    assert _codes(admin_schema()) == _codes(full_schema())
