"""Connecting a shop: from the merchant's approval to a tenant with tokens."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.errors import ShopifyUnavailableError
from libs.common.events.contracts import TenantConnected
from libs.common.ids import new_id
from libs.common.logs import get_logger
from services.oauth import offboarding, repository
from services.oauth.authorizations import Authorizations, Purpose, refused
from services.oauth.encryption import Cipher
from services.oauth.scopes import missing_scopes
from services.oauth.settings import OauthSettings
from services.oauth.shop_ids import ShopIds
from services.oauth.shopify import TokenEndpoint
from services.oauth.tokens import seal_pair

CALLBACK_PATH = "/api/shopify/callback"

_CONNECT_SECONDS = 12

log = get_logger()


@dataclass(frozen=True, slots=True)
class Connected:
    tenant_id: UUID
    domain: str


class Installs:
    """`slots` bounds the transactions that wait for Shopify, so that the pool has room left."""

    def __init__(
        self,
        settings: OauthSettings,
        engine: AsyncEngine,
        cipher: Cipher,
        endpoint: TokenEndpoint,
        shop_ids: ShopIds,
        slots: asyncio.Semaphore,
    ) -> None:
        self._settings = settings
        self.authorizations = Authorizations(settings, engine, Purpose.INSTALL, CALLBACK_PATH)
        self._engine = engine
        self._cipher = cipher
        self._endpoint = endpoint
        self._shop_ids = shop_ids
        self._slots = slots

    async def finish(self, query: str, browser: str | None) -> Connected:
        """Check the callback's query string, then connect its shop.

        Raises InvalidInputError, InvalidShopDomainError, ShopifyUnavailableError and, with
        `details.reason`, ShopifyAuthError.
        """
        approved = await self.authorizations.check(query, browser)
        domain = approved.domain
        try:
            async with asyncio.timeout(_CONNECT_SECONDS), self._slots:
                tenant_id, token = await self._connect(domain, approved.code)
        except TimeoutError:
            raise ShopifyUnavailableError("Shopify does not answer.") from None
        log.info("shop_connected", tenant_id=tenant_id, shop=domain)
        await self._shop_ids.learn(tenant_id, domain, token)
        return Connected(tenant_id, domain)

    async def _connect(self, domain: str, code: str) -> tuple[UUID, SecretStr]:
        """Tenant, credentials and event in one transaction.

        The shop's row is locked before the code is exchanged: with two at once, the pair that
        Shopify gave last is the pair that is stored last.
        """
        now, new_tenant = utc_now(), new_id()
        async with transaction(self._engine) as tx:
            tenant_id = await repository.claim_domain(tx, domain, new_tenant, now)
            known = await repository.shop(tx, tenant_id) if tenant_id != new_tenant else None
            pair = await self._endpoint.exchange(domain, code)
            if missing := missing_scopes(self._settings.scopes, pair.scopes):
                raise refused("scopes_missing", scopes=missing)
            sealed = seal_pair(self._cipher, tenant_id, pair, pair.granted_at)
            await repository.save_credentials(tx, tenant_id, sealed)
            await repository.set_status(tx, tenant_id, "active")
            await repository.set_connected_at(tx, tenant_id, now)
            await offboarding.come_back(tx, tenant_id, now)
            event = TenantConnected(
                tenant_id=tenant_id,
                shop_domain=domain,
                previous_status=None if known is None else known.status,
            )
            await repository.add_to_outbox(tx, event)
        return tenant_id, pair.access_token
