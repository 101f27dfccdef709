"""Shopify's own number of each shop: learned at the connect, or later where that failed.

By it a delivery's body can be told from another shop's.
"""

import asyncio
import random
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import PlatformError, RecordRefusedError, TransientError
from libs.common.logs import get_logger
from services.oauth import repository
from services.oauth.admin import AdminApi
from services.oauth.tokens import Tokens

_ROUND_SECONDS = 3600
_FIRST_ROUND_SECONDS = 30
_BEFORE_ALL = UUID(int=0)

log = get_logger()


class ShopIds:
    def __init__(self, engine: AsyncEngine, tokens: Tokens, admin: AdminApi) -> None:
        self._engine = engine
        self._tokens = tokens
        self._admin = admin

    async def learn(self, tenant_id: UUID, domain: str, token: SecretStr) -> None:
        """Ask Shopify with a token that works. After a failure the next round asks again."""
        try:
            shop_id = await self._admin.shop_id(domain, token)
            async with transaction(self._engine) as tx:
                learned = await repository.set_shop_id(tx, tenant_id, shop_id)
        except RecordRefusedError:
            log.warning("shop_id_of_two_tenants", tenant_id=tenant_id)
        except PlatformError as error:
            log.warning("shop_id_not_learned", tenant_id=tenant_id, code=error.code)
        else:
            log.info("shop_id_looked_up", tenant_id=tenant_id, learned=learned)

    async def learn_missing(self) -> None:
        """One round: each connected shop whose number is not known is asked once.

        Raises TransientError when the database fails.
        """
        tenant_id: UUID | None = _BEFORE_ALL
        while tenant_id is not None:
            async with transaction(self._engine) as tx:
                tenant_id = await repository.next_without_shop_id(tx, tenant_id)
            if tenant_id is not None:
                await self._learn_later(tenant_id)

    async def _learn_later(self, tenant_id: UUID) -> None:
        try:
            valid = await self._tokens.valid_token(tenant_id)
        except PlatformError as error:
            log.warning("shop_id_not_learned", tenant_id=tenant_id, code=error.code)
        else:
            await self.learn(tenant_id, valid.shop_domain, valid.access_token)


async def keep_learning(
    shop_ids: ShopIds, *, first_round_seconds: float = _FIRST_ROUND_SECONDS
) -> None:
    """Rounds until cancelled, about one an hour, at moments that no two replicas share."""
    pause = first_round_seconds
    while True:
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        try:
            await shop_ids.learn_missing()
        except TransientError as error:
            log.warning("shop_id_round_broken_off", code=error.code)
        pause = _ROUND_SECONDS
