"""Money in GraphQL: what an amount is in the shop's currency and in the buyer's.

A money field's value is its Decimal, or Presented when the buyer saw another currency; MoneyBag
and MoneyV2 unfold it.
"""

from collections.abc import Mapping
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING

from libs.simulator.field_kinds import Field
from libs.simulator.model import ZERO, Line, Order, Presentment
from libs.simulator.money import graphql_amount

if TYPE_CHECKING:
    from libs.simulator.context import Context


class Presented:
    """An amount in the shop's currency that a buyer saw in another."""

    __slots__ = ("amount", "presentment")

    def __init__(self, amount: Decimal, presentment: Presentment) -> None:
        self.amount = amount
        self.presentment = presentment


class _Seen:
    """The same amount in the buyer's currency."""

    __slots__ = ("amount", "currency")

    def __init__(self, presented: Presented) -> None:
        self.amount = presented.presentment.of(presented.amount)
        self.currency = presented.presentment.currency


def money_of(row: Order | Line, amount: Decimal) -> Decimal | Presented:
    return amount if row.presentment is None else Presented(amount, row.presentment)


class MoneyField:
    """An amount of an order or a line. A bulk operation reads the amount alone where only the
    shop's money is asked for."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._amount = attrgetter(path)

    def __call__(self, _context: "Context", row: Order | Line) -> Decimal | Presented:
        return money_of(row, self._amount(row))


def no_money(_context: "Context", row: Order | Line) -> Decimal | Presented:
    return money_of(row, ZERO)


def shop_money(_context: "Context", money: Decimal | Presented) -> Decimal:
    return money.amount if isinstance(money, Presented) else money


def seen_money(_context: "Context", money: Decimal | Presented) -> Decimal | _Seen:
    return _Seen(money) if isinstance(money, Presented) else money


def amount_text(_context: "Context", money: Decimal | _Seen) -> str:
    return graphql_amount(money.amount if isinstance(money, _Seen) else money)


def currency_of_money(context: "Context", money: Decimal | _Seen) -> str:
    return money.currency if isinstance(money, _Seen) else context.shop.facts.currency


def seen_currency(context: "Context", order: Order) -> str:
    return order.presentment.currency if order.presentment else context.shop.facts.currency


ORDER_MONEY: Mapping[str, Field] = {
    "totalPriceSet": MoneyField("total"),
    "originalTotalPriceSet": lambda _, order: money_of(
        order, order.total if order.original_total is None else order.original_total
    ),
    "currentTotalPriceSet": MoneyField("current_total"),
    "subtotalPriceSet": MoneyField("total"),
    "currentSubtotalPriceSet": MoneyField("current_total"),
    "totalDiscountsSet": MoneyField("discount"),
    "currentTotalDiscountsSet": MoneyField("discount"),
    "totalTaxSet": no_money,
    "currentTotalTaxSet": no_money,
    "totalShippingPriceSet": no_money,
    "totalRefundedSet": MoneyField("refunded"),
    "totalTipReceivedSet": no_money,
    "totalReceivedSet": MoneyField("total"),
    "totalOutstandingSet": no_money,
    "netPaymentSet": MoneyField("current_total"),
}
