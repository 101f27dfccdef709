"""What a refund in a delivery gave back, where the delivery can tell.

Its transactions have one amount each, in the buyer's currency unless the body says otherwise (the
REST resource converts only when asked with `in_shop_currency`), and no set of both. Where the
shop's currency is another, the amount is for the Admin API to tell.
"""

from libs.common.money import exact_sum
from services.ingestor.deliveries.amounts import malformed, money
from services.ingestor.deliveries.bodies import OrderBody, RefundBody, TransactionBody
from services.ingestor.facts import Refund

_Pair = tuple[str, str]
_NONE = "XXX"
"""What Shopify says instead of a currency where nothing was left to settle."""


def refund(body: RefundBody) -> Refund:
    return _refund(body, _pair_of_duties(body))


def refund_of(body: RefundBody, order: OrderBody) -> Refund:
    """As it stands in the body of its order. Raises MessageMalformedError."""
    if body.order_id != order.id:
        raise malformed("wrong_shape: $.refunds[...].order_id")
    seen = order.presentment_currency
    return _refund(body, (order.currency, seen) if seen else _pair_of_duties(body))


def _refund(body: RefundBody, pair: _Pair | None) -> Refund:
    """What went back is what the refund's own transactions paid out, not the goods' value.

    One that is pending, or has failed, has paid nothing.
    """
    payments = [each for each in body.transactions or () if each.kind == "refund"]
    paid = [each for each in payments if each.status == "success"]
    amount = exact_sum(money(each.amount, "transactions[...].amount") for each in paid)
    told = all(
        each.amount is not None and _is_in_shop_money(each, pair or _pair_of(each)) for each in paid
    )
    return Refund(
        id=body.id,
        order_id=body.order_id,
        created_at=body.created_at,
        amount=amount if told else None,
        settles=bool(payments),
        pays=bool(paid),
    )


def _is_in_shop_money(paid: TransactionBody, pair: _Pair | None) -> bool:
    """`pair` is the shop's currency and the buyer's."""
    if pair is None:
        return False
    shop, seen = pair
    return paid.currency == shop or (paid.currency is None and shop == seen)


def _pair_of_duties(body: RefundBody) -> _Pair | None:
    both = body.total_duties_set
    if both is None or both.presentment_money is None:
        return None
    return _pair(both.shop_money.currency_code, both.presentment_money.currency_code)


def _pair_of(paid: TransactionBody) -> _Pair | None:
    both = paid.total_unsettled_set
    return _pair(both.shop_money.currency, both.presentment_money.currency) if both else None


def _pair(shop: str | None, seen: str | None) -> _Pair | None:
    return (shop, seen) if shop and seen and _NONE not in (shop, seen) else None
