"""The webhooks service as it runs, in this process: its app on a port, its workers beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.database.transaction import transaction
from libs.common.messaging.publisher import Publisher
from libs.common.tables.intake import spool
from services.webhooks.directory import ShopDirectory
from services.webhooks.intake import Intake
from services.webhooks.main import LIMITS
from services.webhooks.routes import create_app
from tests.http_servers import serving
from tests.integration.messaging.queues import running
from tests.integration.webhooks.shopify import SECRET, headers


@dataclass(frozen=True, slots=True)
class Service:
    http: httpx.AsyncClient
    intake: Intake
    directory: ShopDirectory
    engine: AsyncEngine

    async def deliver(
        self, shop: str, body: bytes = b"{}", *, topic: str = "orders/create", **more: str
    ) -> httpx.Response:
        return await self.http.post(
            "/webhooks", content=body, headers=headers(shop, body, topic=topic, **more)
        )

    async def spooled(self) -> int:
        return await count_spooled(self.engine)


async def count_spooled(engine: AsyncEngine) -> int:
    async with transaction(engine) as tx:
        return (await tx.execute(select(func.count()).select_from(spool))).scalar_one()


@asynccontextmanager
async def service(database_url: str, amqp_url: str) -> AsyncIterator[Service]:
    """`database_url` must answer at the start; the broker need not."""
    engine = create_engine(SecretStr(database_url), "test")
    directory = ShopDirectory(engine, refresh_seconds=0.2)
    await directory.load()
    async with Publisher(SecretStr(amqp_url), "test") as publisher:
        intake = Intake(publisher, engine)
        await intake.probe()
        app = create_app([SECRET, "an older secret"], directory, intake)
        workers = (directory.keep_fresh(), intake.watch_broker(), intake.relay_spool())
        async with serving(app, limits=LIMITS) as url, running(*workers):
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
                yield Service(http, intake, directory, engine)
    await engine.dispose()
