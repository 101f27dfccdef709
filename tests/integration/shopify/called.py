"""One shop of the simulator as our clients call it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

from libs.common.ids import new_id
from services.ingestor.shopify.gates import ShopGate
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.rest import RestClient
from services.ingestor.shopify.tokens import AccessToken, ShopToken
from services.ingestor.shopify.transport import AdminApi, create_http_client
from tests.integration.simulator.driver import Simulator

COUNT = "{ ordersCount { count } }"
ORDERS = 4
PAUSE_SECONDS = 0.01
"""Pauses between tries are a hundredth of the real ones."""

Ask: TypeAlias = Callable[[], Awaitable[int]]


class CalledShop:
    """Gives a fresh token whenever one is asked for, as the oauth service does."""

    def __init__(self, base: str, simulator: Simulator) -> None:
        self.simulator = simulator
        self.api = AdminApi(f"{base}/{{shop}}", "2026-10")
        self.http = create_http_client(self.api)
        self.tokens_asked = 0

    async def token(self, _tenant_id: UUID, _refused: object = None) -> AccessToken:
        self.tokens_asked += 1
        if self.tokens_asked > 1:
            await self.simulator.install()
        return AccessToken(self.simulator.headers["X-Shopify-Access-Token"], self.simulator.shop)

    def graphql(self, gate: ShopGate | None = None, api: AdminApi | None = None) -> ShopifyClient:
        token = ShopToken(new_id(), self.token)
        return ShopifyClient(
            self.http, api or self.api, token, gate=gate, first_pause_seconds=PAUSE_SECONDS
        )

    def rest(self, gate: ShopGate | None = None, api: AdminApi | None = None) -> RestClient:
        token = ShopToken(new_id(), self.token)
        return RestClient(
            self.http, api or self.api, token, gate=gate, first_pause_seconds=PAUSE_SECONDS
        )

    def counting(self, kind: str, gate: ShopGate | None = None) -> Ask:
        """Asks for the number of orders, by GraphQL or by REST."""
        if kind == "graphql":
            client = self.graphql(gate)

            async def count() -> int:
                return int((await client.ask(COUNT)).data["ordersCount"]["count"])

            return count
        rest = self.rest(gate)

        async def count_by_rest() -> int:
            return int((await rest.get("orders/count", {"status": "any"})).data["count"])

        return count_by_rest

    async def break_with(self, **faults: Any) -> None:
        await self.simulator.control("POST", "/faults", faults)

    async def faults(self) -> Mapping[str, Any]:
        return dict(await self.simulator.control("GET", "/faults"))
