"""Plays Shopify and the oauth service for a client that is tested alone."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx
import msgspec

from libs.common.clock import utc_now
from libs.common.ids import new_id
from services.ingestor.shopify.gates import ShopGate
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.tokens import AccessToken, ShopToken
from services.ingestor.shopify.transport import AdminApi

API = AdminApi("https://{shop}", "2026-10")
SHOP = "client.myshopify.com"


class Tokens:
    """Numbers its tokens in the order in which they were asked for."""

    def __init__(self, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.asked = 0
        self.lifetime = lifetime

    async def __call__(self, _tenant_id: UUID, _refused: object = None) -> AccessToken:
        self.asked += 1
        return AccessToken(f"token-{self.asked}", SHOP, utc_now() + self.lifetime)


class Shopify:
    """Gives its answers one after the other, the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.asked_at: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.asked_at.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def tokens(self) -> list[str]:
        return [request.headers["X-Shopify-Access-Token"] for request in self.requests]

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in pairwise(self.asked_at)]


class MeteredShopify:
    """Keeps a bucket as Shopify does; every answer takes half a second to come.

    `prices` are what each document asks for; half of it is given back.
    """

    def __init__(
        self, prices: Mapping[str, float], *, maximum: float = 1_000, restore_rate: float = 100
    ) -> None:
        self.prices = prices
        self.maximum = self.level = maximum
        self.restore_rate = restore_rate
        self.filled_at = 0.0
        self.spent = 0.0
        self.answered = 0
        self.refused = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.2)
        price = self.prices[msgspec.json.decode(request.content)["query"]]
        if price > self._filled():
            self.refused += 1
            await asyncio.sleep(0.3)
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return self._answer({"errors": [error]}, price)
        self.level -= price
        await asyncio.sleep(0.3)
        self.level = min(self.maximum, self._filled() + price / 2)
        self.spent += price / 2
        self.answered += 1
        return self._answer({"data": {}}, price)

    def _filled(self) -> float:
        now = asyncio.get_running_loop().time()
        gained = (now - self.filled_at) * self.restore_rate
        self.level, self.filled_at = min(self.maximum, self.level + gained), now
        return self.level

    def _answer(self, body: dict[str, Any], price: float) -> httpx.Response:
        status = {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": int(self._filled()),
            "restoreRate": self.restore_rate,
        }
        cost = {"requestedQueryCost": price, "throttleStatus": status}
        return httpx.Response(200, json={**body, "extensions": {"cost": cost}})


def connect(
    shopify: Callable[[httpx.Request], Any],
    tokens: Tokens | None = None,
    *,
    gate: ShopGate | None = None,
    tenant_id: UUID | None = None,
) -> ShopifyClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(shopify))
    token = ShopToken(tenant_id or new_id(), tokens or Tokens())
    return ShopifyClient(http, API, token, gate=gate)
