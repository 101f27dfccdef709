"""How an order was paid and sent, derived from the order alone.

Paid at once in one transaction, paid back in one for each refund with money. Seven of eight old
orders that were not cancelled were sent at once and whole; a live order waits until it is told to.
"""

from decimal import Decimal

from msgspec import Struct

from libs.simulator.field_kinds import (
    NO,
    NOTHING,
    YES,
    Constant,
    Fields,
    Id,
    OfShop,
    Same,
    Time,
    ids,
)
from libs.simulator.model import Order, Presentment
from libs.simulator.money_fields import MoneyField
from libs.simulator.stock import location_of

_SUCCESS = Constant("SUCCESS")
_GATEWAY = Constant("bogus")


class Transaction(Struct, frozen=True):
    """`parent` is the payment that a refund pays back."""

    id: int
    order: Order
    kind: str
    amount: Decimal
    created_at: int
    parent: "Transaction | None" = None

    @property
    def presentment(self) -> Presentment | None:
        return self.order.presentment


class Fulfillment(Struct, frozen=True):
    order: Order

    @property
    def name(self) -> str:
        return f"{self.order.name}.1"

    @property
    def made_at(self) -> int:
        return self.order.fulfilled_at or self.order.created_at


def transactions_of(order: Order) -> list[Transaction]:
    if not order.total:
        return []
    paid = Transaction(order.id, order, "SALE", order.total, order.created_at)
    return [paid] + [
        Transaction(refund.transaction_id, order, "REFUND", refund.amount, refund.created_at, paid)
        for refund in order.refunds
        if refund.amount
    ]


def fulfillments_of(order: Order) -> list[Fulfillment]:
    return [Fulfillment(order)] if order.is_fulfilled else []


ORDER_PARTS: dict[str, Fields] = {
    "OrderTransaction": {
        "id": Id("OrderTransaction"),
        "kind": Same("kind"),
        "status": _SUCCESS,
        "test": Same("order.test"),
        "gateway": _GATEWAY,
        "formattedGateway": _GATEWAY,
        "manualPaymentGateway": NO,
        "errorCode": NOTHING,
        "paymentId": NOTHING,
        "createdAt": Time("created_at"),
        "processedAt": Time("created_at"),
        "amountSet": MoneyField("amount"),
        "parentTransaction": Same("parent"),
        "order": Same("order"),
    },
    "Fulfillment": {
        **ids("Fulfillment", "order.id"),
        "name": Same("name"),
        "status": _SUCCESS,
        "displayStatus": Constant("FULFILLED"),
        "createdAt": Time("made_at"),
        "updatedAt": Time("made_at"),
        "inTransitAt": NOTHING,
        "deliveredAt": NOTHING,
        "estimatedDeliveryAt": NOTHING,
        "requiresShipping": YES,
        "totalQuantity": Same("order.units"),
        "order": Same("order"),
        "location": OfShop(lambda context: location_of(context.shop.facts)),
        "trackingInfo": Constant(()),
    },
    "FulfillmentTrackingInfo": {"company": NOTHING, "number": NOTHING, "url": NOTHING},
    "FulfillmentLineItem": {
        "id": Id("FulfillmentLineItem"),
        "lineItem": lambda _, line: line,
        "quantity": Same("quantity"),
        "originalTotalSet": MoneyField("total"),
        "discountedTotalSet": MoneyField("total"),
    },
}
