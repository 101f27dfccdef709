"""Small shops, one for each test, served by one process; and an app that waits for webhooks."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import covered
from tests.integration.simulator.driver import (
    GENERATED,
    GENERATED_SIZE,
    Process,
    Receiver,
    Simulator,
)

LINES = """order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price
A1,2024-03-01T09:00:00,C1,85123A,"Heart, white",6,2.55
A1,2024-03-01T09:00:00,C1,71053,Lantern & lamp,6,3.39
A2,2024-03-01T23:30:00,C2,85123A,"Heart, white",1,2.55
A3,2024-03-02T10:00:00,,71053,Lantern & lamp,3,0.335
A4,2024-03-04T10:00:00,C1,71053,Lantern & lamp,10,3.39
"""
_SHOPS = [f"shop-{number}.myshopify.com" for number in range(260)]


def small_shop(folder: Path, domain: str) -> list[str]:
    """The arguments that serve it: four orders of two customers and a guest."""
    path = folder / "lines.csv"
    path.write_text(LINES)
    return ["--shop", f"{domain}={path},currency=GBP,zone=Europe/London"]


@pytest.fixture(scope="session")
def unused_shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """Retries are 2,000 times faster than Shopify's."""
    folder = tmp_path_factory.mktemp("simulator")
    arguments = [word for domain in _SHOPS for word in small_shop(folder, domain)]
    arguments += ["--scale", "0.0005"]
    process = Process(folder / "data", arguments, python=covered.python()).start()
    yield process.base, _SHOPS.copy()
    assert process.stop() == 0


@pytest.fixture
async def simulator(unused_shops: tuple[str, list[str]]) -> AsyncIterator[Simulator]:
    """A shop no other test has touched, with the app installed."""
    base, shops = unused_shops
    async with Simulator(base, shops.pop()) as made:
        yield await made.install()


@pytest.fixture(scope="session")
def generated_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    arguments = ["--generated", "7", "--size", str(GENERATED_SIZE)]
    folder = tmp_path_factory.mktemp("generated")
    process = Process(folder, arguments, python=covered.python()).start()
    yield process.base
    assert process.stop() == 0


@pytest.fixture
async def bluebird(generated_shop: str) -> AsyncIterator[Simulator]:
    """One shop for all tests: what they change, they make themselves."""
    async with Simulator(generated_shop, GENERATED) as made:
        yield await made.install()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made
