"""A simulated shop that was pulled whole, deliveries about it, and a worker that confirms them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import orjson

from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.tokens import ShopToken, TokenSource
from tests.factories import new_delivery
from tests.integration.ingestor.confirming import confirming
from tests.integration.ingestor.handling import handle_all
from tests.integration.messaging.queues import until
from tests.integration.pulls.simulated import InstalledShops, Simulator, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, working
from tests.integration.pulls.test_further_entities import ALL_SCOPES, SHOP

OTHER = "other.myshopify.com"
_NOWHERE = "http://127.0.0.1:9/"
_ALIVE = "SELECT {} FROM store.{} WHERE deleted_at IS NULL ORDER BY 1 LIMIT 1"
_FIGURES = """SELECT count(*) AS orders, sum(total) AS total,
    (SELECT sum(revenue) FROM store.daily_sales) AS revenue
    FROM store.orders WHERE deleted_at IS NULL"""


@dataclass
class PulledShop:
    """The simulated shop of one tenant, everything of which was pulled, and what it is asked."""

    simulator: Simulator
    tokens: TokenSource
    tenant: PulledTenant
    publisher: Publisher
    questions: list[dict[str, Any]] = field(default_factory=list)

    async def deliver(self, *deliveries: tuple[str, Any]) -> None:
        records = [new_delivery(self.tenant.id, topic, body) for topic, body in deliveries]
        await self.deliver_records(records)

    async def deliver_records(self, records: list[DeliveryRecord]) -> None:
        await handle_all(self.tenant.engine, records, self.publisher)

    @asynccontextmanager
    async def confirming(self) -> AsyncIterator[None]:
        """A worker that asks this shop."""

        async def note(request: httpx.Request) -> None:
            self.questions.append(orjson.loads(request.content))

        hooks: dict[str, list[Any]] = {"request": [note]}
        async with httpx.AsyncClient(trust_env=False, event_hooks=hooks) as http:

            def client_of(tenant_id: UUID) -> ShopifyClient:
                token = ShopToken(tenant_id, self.tokens)
                return ShopifyClient(http, self.simulator.api, token, first_pause_seconds=0.01)

            async with confirming(self.tenant.engine, self.publisher, client_of):
                yield

    async def checks(self) -> list[dict[str, Any]]:
        return await self.tenant.rows(
            "SELECT *, due_at - now() AS due_in FROM store.deletion_checks ORDER BY object_id"
        )

    async def turn(self) -> dict[str, Any]:
        [turn] = await self.tenant.rows(
            f"SELECT * FROM store.deletion_turns WHERE tenant_id = '{self.tenant.id}'"
        )
        return turn

    async def let_time_pass(self) -> None:
        """To when the next question is due."""
        await self.tenant.rows("UPDATE store.deletion_checks SET due_at = now() RETURNING 1")
        await self.tenant.rows("UPDATE store.deletion_turns SET due_at = now() RETURNING 1")

    async def until_asked(self, times: int) -> dict[str, Any]:
        """The one check that waits, once Shopify showed its object so often."""

        async def asked() -> bool:
            return (await self.checks())[0]["asked"] == times

        await until(asked)
        [check] = await self.checks()
        return check

    async def until_settled(self) -> None:
        async def settled() -> bool:
            return await self.checks() == []

        await until(settled)

    async def figures(self) -> dict[str, Any]:
        [row] = await self.tenant.rows(_FIGURES)
        return row

    async def any_id(self, table: str = "orders", column: str = "id") -> int:
        [row] = await self.tenant.rows(_ALIVE.format(column, table))
        return int(row[column])

    async def control(self, method: str, path: str) -> None:
        await self.simulator.ask(method, f"shops/{SHOP}/{path}")


@asynccontextmanager
async def pulled_shop(
    folder: Path, publisher: Publisher, tenant: PulledTenant
) -> AsyncIterator[PulledShop]:
    """Beside it the simulator has a small shop at `OTHER`, which nobody has pulled."""
    engine = tenant.engine
    other = f"{OTHER}={write_shop(folder / 'other.csv', orders=1)}"
    arguments = ("--generated", "3", "--size", "40", "--shop", other, "--compliance-uri", _NOWHERE)
    async with simulator(folder / "sim", *arguments) as running:
        shops = InstalledShops()
        shops.by_tenant[tenant.id] = await running.install(SHOP, scopes=ALL_SCOPES)
        async with working(engine, publisher, running, shops):
            assert (await tenant.until_ended())["state"] == "succeeded"
        yield PulledShop(running, shops, tenant, publisher)
