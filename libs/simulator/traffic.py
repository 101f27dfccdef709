"""Live orders at a given rate: buyers who were there before, and now and then a new one."""

import asyncio
from random import Random

from libs.simulator import requests
from libs.simulator.changes import Changes
from libs.simulator.model import Product

_NEW_CUSTOMERS = 0.2
_GUESTS = 0.02
_MOST_UNITS = 3
_LONGEST_BURST_SECONDS = 1.0


class LiveOrders:
    """One shop's traffic. Starting again replaces the rate; a restart of the process ends it."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._dice = Random()  # noqa: S311
        self._task: asyncio.Task[None] | None = None
        self._customers: list[int] = []
        self.made = 0
        self.per_second = 0.0

    def start(self, per_second: float) -> None:
        self.stop()
        self.per_second = per_second
        self._customers = list(self._changes.shop.customers)
        self._task = asyncio.create_task(self._run(1 / per_second))

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task, self.per_second = None, 0.0

    async def _run(self, pause_seconds: float) -> None:
        """Keeps the rate over time; after a standstill it does not catch up for ever."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + pause_seconds, loop.time() - _LONGEST_BURST_SECONDS)
            await asyncio.sleep(due - loop.time())
            self._order()

    def _order(self) -> None:
        shop, dice = self._changes.shop, self._dice
        products = list(shop.products.values())
        kinds = dice.randint(1, min(2, max(1, len(products))))
        lines = tuple(
            self._line(product)
            for product in (dice.sample(products, kinds) if products else [None])
        )
        who = dice.random()
        customer_id = None
        while self._customers and who >= _NEW_CUSTOMERS + _GUESTS and customer_id is None:
            place = dice.randrange(len(self._customers))
            if self._customers[place] in shop.customers:
                customer_id = self._customers[place]
            else:
                self._customers.pop(place)
        newcomer = self._newcomer() if customer_id is None and who >= _GUESTS else None
        order = self._changes.create_order(
            requests.NewOrder(lines=lines, customer_id=customer_id, customer=newcomer)
        )
        self.made += 1
        if newcomer is not None and order.customer_id is not None:
            self._customers.append(order.customer_id)

    def _line(self, product: Product | None) -> requests.NewLine:
        units = self._dice.randint(1, _MOST_UNITS)
        if product is None:
            return requests.NewLine(title="Item", quantity=units, price=requests.SOME_PRICE)
        variant = self._dice.choice(product.variants)
        return requests.NewLine(
            product_id=product.id,
            variant_id=variant.id,
            quantity=units,
            price=variant.price or requests.SOME_PRICE,
        )

    def _newcomer(self) -> requests.NewCustomer:
        number = self._dice.randrange(10**9)
        return requests.NewCustomer(
            first_name="New",
            last_name=f"Customer {number}",
            email=f"new-{number}@example.com",
        )
