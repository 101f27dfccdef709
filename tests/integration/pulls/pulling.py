"""Runs pulls in a process of its own, so that a test can kill it: `python pulling.py JSON`."""

import asyncio
import json
import sys
from uuid import UUID

from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls.worker import PullWorker, ShopifyAccess
from services.ingestor.shopify.tokens import AccessToken
from services.ingestor.shopify.transport import AdminApi


async def main(given: dict[str, str]) -> None:
    async def token(_tenant_id: UUID, _refused: object = None) -> AccessToken:
        return AccessToken(given["token"], given["shop"])

    engine = create_engine(SecretStr(given["database_url"]), "killed-worker")
    async with Publisher(SecretStr(given["amqp_url"]), "killed-worker") as publisher:
        api = AdminApi(given["api_url"], "2026-10")
        access = ShopifyAccess(api, token, "http://127.0.0.1:9")
        await PullWorker(engine, publisher, access).run()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
