"""Proving, by an online grant, that whoever asks is the account owner of a shop that is connected.

An online token is of the person who approved, and its answer says what that person is in the shop.
The token is used for nothing and kept nowhere; of the person only a keyed hash of the id is kept.
Source: shopify.dev, "Online access tokens".
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import AccountOwnerRequiredError, TenantNotFoundError
from libs.common.logs import get_logger
from libs.common.security_events import keyed_hash
from services.oauth import repository
from services.oauth.authorizations import Authorizations, Purpose
from services.oauth.settings import OauthSettings
from services.oauth.shopify import TokenEndpoint

CALLBACK_PATH = "/api/shopify/recover/callback"

_ONLINE = {"grant_options[]": "per-user"}

log = get_logger()


@dataclass(frozen=True, slots=True)
class ProvenOwner:
    """`person` is the keyed hash of the person's id at Shopify."""

    tenant_id: UUID
    domain: str
    person: str


class Recoveries:
    def __init__(
        self, settings: OauthSettings, engine: AsyncEngine, endpoint: TokenEndpoint
    ) -> None:
        # The scopes are those of an install: to ask for others would change the app's grant.
        self.authorizations = Authorizations(
            settings, engine, Purpose.RECOVERY, CALLBACK_PATH, _ONLINE
        )
        self._engine = engine
        self._endpoint = endpoint

    async def finish(self, query: str, browser: str | None) -> ProvenOwner:
        """Check the callback's query string, then whose approval it was.

        Raises AccountOwnerRequiredError, TenantNotFoundError where the shop is not connected,
        ShopifyUnavailableError, and what `Authorizations.check` raises.
        """
        approved = await self.authorizations.check(query, browser)
        user = await self._endpoint.exchange_online(approved.domain, approved.code)
        person = keyed_hash(str(user.id))
        if not user.account_owner or user.collaborator:
            raise AccountOwnerRequiredError(
                "Only the store owner in Shopify can recover this account. Ask the store owner to "
                "do it.",
                shop=approved.domain,
                person=person,
            )
        async with transaction(self._engine) as tx:
            tenant_id = await repository.tenant_of(tx, approved.domain)
        if tenant_id is None:
            raise TenantNotFoundError("This shop is not connected. Connect it first.")
        log.info("shop_owner_proven", tenant_id=tenant_id, shop=approved.domain)
        return ProvenOwner(tenant_id, approved.domain, person)
