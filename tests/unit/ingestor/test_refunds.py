"""What a refund's delivery says went back counts in the shop's currency or not at all."""

from decimal import Decimal
from typing import Any

import pytest

from services.ingestor.facts import Order, Refund
from tests.unit.ingestor.bodies import facts_in, order_body, refund_body, transaction_body


def _pair(shop: str, seen: str) -> dict[str, Any]:
    return {"shop_money": {"currency": shop}, "presentment_money": {"currency": seen}}


def _duties(shop: str, seen: str) -> dict[str, Any]:
    return {
        "shop_money": {"amount": "0.00", "currency_code": shop},
        "presentment_money": {"amount": "0.00", "currency_code": seen},
    }


def _paid(currency: str | None, unsettled: Any = None) -> dict[str, Any]:
    return transaction_body(currency=currency, total_unsettled_set=unsettled)


def _amount(**body: Any) -> Decimal | None:
    """Of a refund's own delivery."""
    [refund, *_] = facts_in("refunds/create", refund_body(**body))
    assert isinstance(refund, Refund)
    return refund.amount


def _amount_in_order(paid: Any, **order: Any) -> Decimal | None:
    body = order_body(refunds=[refund_body(transactions=[paid])], **order)
    [found, *_] = facts_in("orders/updated", body)
    assert isinstance(found, Order)
    [refund] = found.refunds
    return refund.amount


_TOLD = Decimal("75.00")


@pytest.mark.parametrize(
    ("paid", "duties", "amount"),
    [
        (_paid("EUR", _pair("EUR", "USD")), _duties("EUR", "USD"), _TOLD),
        (_paid("USD", _pair("EUR", "USD")), _duties("EUR", "USD"), None),
        (_paid(None, _pair("XXX", "XXX")), _duties("EUR", "USD"), None),
        (_paid(None, _pair("XXX", "XXX")), _duties("USD", "USD"), _TOLD),
        (_paid("CHF", _pair("XXX", "XXX")), _duties("USD", "USD"), None),
        (_paid("EUR", _pair("EUR", "USD")), None, _TOLD),
        (_paid("USD", _pair("EUR", "USD")), None, None),
        (_paid(None, _pair("EUR", "EUR")), None, _TOLD),
        (_paid("EUR"), None, None),
        (_paid(None, _pair("XXX", "XXX")), None, None),
    ],
)
def test_an_amount_counts_where_the_body_says_that_it_is_the_shops_money(
    paid: Any, duties: Any, amount: Decimal | None
) -> None:
    assert _amount(transactions=[paid], total_duties_set=duties) == amount


@pytest.mark.parametrize(
    ("paid", "seen", "amount"),
    [
        (_paid("USD"), "EUR", _TOLD),
        (_paid("EUR"), "EUR", None),
        (_paid(None), "EUR", None),
        (_paid(None), "USD", _TOLD),
        (_paid("USD", _pair("USD", "USD")), None, _TOLD),
        (_paid("USD"), None, None),
    ],
)
def test_in_its_orders_body_a_refund_has_the_orders_currencies(
    paid: Any, seen: str | None, amount: Decimal | None
) -> None:
    assert _amount_in_order(paid, currency="USD", presentment_currency=seen) == amount


def test_one_amount_in_other_money_leaves_the_whole_refund_untold() -> None:
    both = [_paid("EUR"), _paid("USD")]
    assert _amount(transactions=both, total_duties_set=_duties("EUR", "USD")) is None


@pytest.mark.parametrize("transactions", [[], None, [transaction_body(status="pending")]])
def test_where_nothing_was_paid_back_nothing_is_unknown(transactions: Any) -> None:
    told = _amount(transactions=transactions, total_duties_set=_duties("EUR", "USD"))
    assert told == Decimal(0)
