"""A refund whose payment is pending has given nothing back yet; the payment's end is followed."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from libs.common.clock import utc_now
from libs.common.messaging.publisher import Publisher
from tests.factories import new_delivery
from tests.integration.ingestor.handling import handle_all
from tests.integration.ingestor.world import World
from tests.unit.ingestor.bodies import order_body, refund_body, transaction_body

READ = "UPDATE store.refunds SET untold = false, amount = 12 RETURNING 1 AS one"
"""As a pull leaves it."""
REFUNDED = "SELECT amount, untold FROM store.refunds"
SALES = "SELECT sum(refunded) AS refunded FROM store.daily_sales"


def payment(status: str, amount: str = "15.00", number: int = 1) -> dict[str, object]:
    return transaction_body(number, status=status, amount=amount)


class Told:
    """What Shopify tells of one refund, each a minute after the other."""

    def __init__(self, tenant_id) -> None:
        self._tenant_id = tenant_id
        self._order = order_body()
        self._at = utc_now() - timedelta(hours=1)

    def alone(self, *payments: dict[str, object]):
        self._at += timedelta(minutes=1)
        body = refund_body(order_id=self._order["id"], transactions=list(payments))
        return new_delivery(self._tenant_id, "refunds/create", body, time=self._at)

    def in_order(self, *payments: dict[str, object]):
        self._at += timedelta(minutes=1)
        refund = refund_body(order_id=self._order["id"], transactions=list(payments))
        body = self._order | {"updated_at": self._at.isoformat(), "refunds": [refund]}
        return new_delivery(self._tenant_id, "orders/updated", body, time=self._at)


async def refunded(world: World, tenant_id) -> Decimal:
    row = await world.row(tenant_id, REFUNDED)
    assert not row["untold"]
    assert (await world.row(tenant_id, SALES))["refunded"] == row["amount"]
    assert await world.differences(tenant_id) == []
    return row["amount"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_payment_that_succeeds_after_it_was_pending_counts_in_any_order_of_arrival(
    world: World, publisher: Publisher, order: tuple[int, ...]
):
    tenant_id = await world.add_tenant()
    told = Told(tenant_id)
    await handle_all(
        world.engine, [new_delivery(tenant_id, "orders/create", order_body())], publisher
    )
    deliveries = [
        told.alone(payment("pending")),
        told.in_order(payment("pending")),
        told.in_order(payment("success")),
    ]
    for index in order:
        await handle_all(world.engine, [deliveries[index]], publisher)
    assert await refunded(world, tenant_id) == Decimal("15.00")


async def test_in_one_batch_the_newest_word_counts(world: World, publisher: Publisher):
    tenant_id = await world.add_tenant()
    told = Told(tenant_id)
    first = told.in_order(payment("pending"))
    second = told.in_order(payment("success", "10.00"), payment("success", "5.00", 2))
    await handle_all(world.engine, [second, first], publisher)
    assert await refunded(world, tenant_id) == Decimal("15.00")


async def test_a_payment_that_fails_after_all_gives_nothing_back(
    world: World, publisher: Publisher
):
    tenant_id = await world.add_tenant()
    told = Told(tenant_id)
    await handle_all(world.engine, [told.in_order(payment("success"))], publisher)
    assert await refunded(world, tenant_id) == Decimal("15.00")
    await handle_all(world.engine, [told.in_order(payment("failure"))], publisher)
    assert await refunded(world, tenant_id) == 0


async def test_a_later_copy_without_payments_takes_nothing_away(world: World, publisher: Publisher):
    tenant_id = await world.add_tenant()
    told = Told(tenant_id)
    await handle_all(world.engine, [told.in_order(payment("success"))], publisher)
    await handle_all(world.engine, [told.in_order()], publisher)
    assert await refunded(world, tenant_id) == Decimal("15.00")


async def test_a_payment_in_the_buyers_money_that_succeeds_has_the_refund_read_once(
    world: World, publisher: Publisher
):
    """What it gave back in the shop's money only the Admin API can tell."""
    tenant_id = await world.add_tenant()
    told = Told(tenant_id)
    buyers = {"currency": "EUR"}
    pending, success = payment("pending") | buyers, payment("success") | buyers
    for _ in range(2):
        await handle_all(world.engine, [told.in_order(pending)], publisher)
        assert await world.row(tenant_id, REFUNDED) == {"amount": 0, "untold": False}
    await handle_all(world.engine, [told.in_order(success)], publisher)
    assert await world.row(tenant_id, REFUNDED) == {"amount": 0, "untold": True}

    await world.rows(tenant_id, READ)
    await handle_all(world.engine, [told.in_order(success)], publisher)
    assert await world.row(tenant_id, REFUNDED) == {"amount": 12, "untold": False}


async def test_in_one_batch_what_was_pending_hides_no_payment_in_the_buyers_money(
    world: World, publisher: Publisher
):
    tenant_id = await world.add_tenant()
    told = Told(tenant_id)
    pending = told.in_order(payment("pending") | {"currency": "EUR"})
    success = told.in_order(payment("success") | {"currency": "EUR"})
    await handle_all(world.engine, [success, pending], publisher)
    assert await world.row(tenant_id, REFUNDED) == {"amount": 0, "untold": True}
