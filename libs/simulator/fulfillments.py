"""An order is sent: at once and whole."""

from functools import partial

import msgspec

from libs.common.errors import InvalidInputError
from libs.simulator.changes import Changes, found
from libs.simulator.model import Order
from libs.simulator.order_parts import fulfillments_of
from libs.simulator.order_payloads import fulfillment_body, order_body
from libs.simulator.times import now_seconds


def fulfill_order(changes: Changes, order_id: str) -> Order:
    """Bumps the order's `updatedAt`; announces the fulfillment and the order."""
    shop, now = changes.shop, now_seconds()
    before = found(shop.orders, order_id, "order")
    if before.is_fulfilled:
        raise InvalidInputError(f"order {order_id} is fulfilled already")
    after = msgspec.structs.replace(before, updated_at=now, fulfilled_at=now)
    shop.put(after)
    body = partial(order_body, shop, after)
    changes.announce(
        *(
            ("fulfillments/create", partial(fulfillment_body, shop, sent))
            for sent in fulfillments_of(after)
        ),
        ("orders/fulfilled", body),
        ("orders/updated", body),
    )
    return after
