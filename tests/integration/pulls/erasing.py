"""The process of the pulls as it runs beside oauth, and tenants that oauth erases."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.messaging.publisher import Publisher
from libs.common.web.client import ServiceClient
from libs.common.workers import Workers
from services.ingestor.pulls.worker import run_pulls
from services.ingestor.settings import IngestorSettings
from services.oauth.main import create_app
from services.oauth.settings import OauthSettings
from tests.brokers import Broker
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.http_servers import serving
from tests.integration.oauth.driver import environment

NOBODY_LISTENS = "http://127.0.0.1:9"
_ERASURE = """
INSERT INTO tenancy.erasures (tenant_id, domain_hash, cause, requested_at, due_at, begun_at)
VALUES ($1, '', 'owner', now(), now(), CASE WHEN $2 THEN now() END)
"""


class Ingestor:
    """The pulls process, and oauth beside it."""

    def __init__(self, database: Database, broker: Broker, engine: AsyncEngine) -> None:
        self._database = database
        self._broker = broker
        self._engine = engine
        self.keys = CallerKeys()

    async def schedule(self, tenant_id: UUID, *, begun: bool) -> None:
        """As oauth has it; with `begun` the rows may go."""
        owner = await asyncpg.connect(self._database.url)
        await owner.execute(_ERASURE, tenant_id, begun)
        await owner.close()

    def environment(self, oauth_url: str) -> dict[str, str]:
        return {
            "PORT": "0",
            "DATABASE_URL": self._database.url_for("ingestor"),
            "AMQP_URL": self._broker.url_for("ingestor"),
            "OAUTH_URL": oauth_url,
            "WEBHOOKS_URL": NOBODY_LISTENS,
            "CALLER_PRIVATE_KEY": self.keys.private["ingestor"],
            "CALLER_PUBLIC_KEYS": self.keys.public_list,
        }

    @asynccontextmanager
    async def running(self, publisher: Publisher, *, oauth_url: str | None = None) -> AsyncIterator:
        async with self.oauth_running() as url:
            settings = IngestorSettings.from_environment(self.environment(oauth_url or url))
            pulls = asyncio.create_task(run_pulls(settings, self._engine, publisher, Workers()))
            try:
                yield
            finally:
                pulls.cancel()
                await asyncio.gather(pulls, return_exceptions=True)

    @asynccontextmanager
    async def oauth_running(self) -> AsyncIterator[str]:
        engine = create_engine(SecretStr(self._database.url_for("oauth")), "oauth", pool_size=2)
        api_url = NOBODY_LISTENS + "/{shop}"
        values = environment(self._database.url_for("oauth"), api_url, self.keys)
        async with serving(create_app(OauthSettings.from_environment(values), engine)) as url:
            yield url
        await engine.dispose()

    @asynccontextmanager
    async def asking_oauth(self) -> AsyncIterator[ServiceClient]:
        """oauth, as the ingestor asks it."""
        async with self.oauth_running() as url:
            oauth = ServiceClient("oauth", url, self.keys.signer("ingestor"))
            yield oauth
            await oauth.close()

    async def reported(self, tenant_id: UUID) -> dict[str, object] | None:
        """What oauth was told of the ingestor's rows; None when nothing was."""
        owner = await asyncpg.connect(self._database.url)
        query = "SELECT erased -> 'ingestor' FROM tenancy.erasures WHERE tenant_id = $1"
        told = await owner.fetchval(query, tenant_id)
        await owner.close()
        return None if told is None else dict(json.loads(told))
