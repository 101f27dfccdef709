"""A pull has answers by the thousand: each goes as soon as it was read."""

import gc
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.shopify.called import ORDERS, CalledShop


@pytest.fixture
def _no_garbage_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_garbage_collector")
@pytest.mark.parametrize("kind", ["graphql", "rest"])
async def test_an_answer_needs_no_garbage_collector_to_go(shop: CalledShop, kind: str):
    count = shop.counting(kind)
    assert await count() == ORDERS
    before = _responses()
    for _ in range(5):
        await count()
    assert _responses() == before


def _responses() -> int:
    return sum(isinstance(each, httpx.Response) for each in gc.get_objects())
