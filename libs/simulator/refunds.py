"""Refunds: of lines, of an amount, or of all that is left; or for no money, lines to the shelf."""

from decimal import Decimal
from functools import partial

import msgspec

from libs.common.errors import InvalidInputError
from libs.simulator import requests
from libs.simulator.changes import Changes, found, given_number, payments
from libs.simulator.model import ZERO, Line, Order, Refund, RefundLine
from libs.simulator.money import rounded
from libs.simulator.numbers import PARTS_OF_A_REFUND
from libs.simulator.order_parts import transactions_of
from libs.simulator.order_payloads import order_body, refund_body
from libs.simulator.times import now_seconds


def refund_order(changes: Changes, order_id: str, wanted: requests.NewRefund) -> Order:
    """Bumps the order's `updatedAt`; announces the refund, the order and what was paid back."""
    shop, now = changes.shop, now_seconds()
    before = found(shop.orders, order_id, "order")
    quantities = _quantities(before, wanted)
    goods = {
        line.id: _value(line, quantities[line.id]) for line in before.lines if line.id in quantities
    }
    left = before.current_total
    amount = left if not wanted.lines else min(left, rounded(sum(goods.values(), ZERO)))
    if wanted.amount is not None:
        amount = rounded(wanted.amount)
    if amount > left:
        raise InvalidInputError(f"only {left} of order {order_id} is left to refund")
    number = shop.numbers.next()
    for _ in range(PARTS_OF_A_REFUND):
        shop.numbers.next()
    refund = Refund(
        id=number,
        created_at=now,
        amount=amount,
        note=wanted.note,
        lines=tuple(
            RefundLine(shop.numbers.next(), line_id, quantities[line_id], subtotal, not amount)
            for line_id, subtotal in goods.items()
        ),
    )
    after = msgspec.structs.replace(
        before,
        updated_at=now,
        refunds=(*before.refunds, refund),
        lines=tuple(_without(line, quantities) for line in before.lines),
    )
    shop.put(after)
    changes.announce(
        ("refunds/create", partial(refund_body, shop, after, refund)),
        ("orders/updated", partial(order_body, shop, after)),
        *payments(shop, after, after=len(transactions_of(before))),
    )
    return after


def _quantities(order: Order, wanted: requests.NewRefund) -> dict[int, int]:
    lines = {line.id: line for line in order.lines}
    if not wanted.lines:
        everything = {line.id: line.quantity - line.removed for line in order.lines}
        return {} if wanted.amount is not None else {k: v for k, v in everything.items() if v}
    quantities: dict[int, int] = {}
    for item in wanted.lines:
        number = given_number(item.line_id)
        if number not in lines:
            raise InvalidInputError(f"order {order.id} has no line {item.line_id}")
        quantities[number] = quantities.get(number, 0) + item.quantity
        line = lines[number]
        if quantities[number] > line.quantity - line.removed:
            raise InvalidInputError(
                f"only {line.quantity - line.removed} of line {item.line_id} are left to refund"
            )
    return quantities


def _value(line: Line, quantity: int) -> Decimal:
    return rounded((line.total - line.discount) * quantity / line.quantity)


def _without(line: Line, quantities: dict[int, int]) -> Line:
    removed = quantities.get(line.id, 0)
    return msgspec.structs.replace(line, removed=line.removed + removed) if removed else line
