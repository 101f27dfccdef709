"""The access token of one shop: asked of the oauth service, kept until shortly before it ends."""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from libs.common.clock import utc_now
from libs.common.errors import ServiceUnavailableError
from libs.common.web.client import ServiceClient

_EARLY = timedelta(minutes=5)


class AccessToken(msgspec.Struct, frozen=True, rename="camel"):
    """A token and the shop it opens. Never logged: its repr hides the value."""

    access_token: str
    shop_domain: str
    expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"AccessToken(shop_domain={self.shop_domain!r})"

    def is_fresh(self) -> bool:
        return self.expires_at is None or utc_now() < self.expires_at - _EARLY


class TokenSource(Protocol):
    async def __call__(self, tenant_id: UUID, refused: AccessToken | None = None, /) -> AccessToken:
        """A valid token for a tenant, and another than the one Shopify `refused`.

        Raises ReconnectRequiredError, TenantNotFoundError, or a TransientError.
        """


def oauth_tokens(oauth: ServiceClient) -> TokenSource:
    """Tokens from the oauth service, the only one that can decrypt them."""

    async def ask(tenant_id: UUID, refused: AccessToken | None = None, /) -> AccessToken:
        path = f"/internal/tenants/{tenant_id}/token"
        if refused is None:
            answer = await oauth.ask("POST", path, tenant_id=tenant_id)
        else:
            body = {"accessToken": refused.access_token}
            answer = await oauth.ask("POST", f"{path}/refused", tenant_id=tenant_id, json=body)
        try:
            return msgspec.convert(answer, AccessToken)
        except msgspec.ValidationError as error:
            raise ServiceUnavailableError("The oauth service's answer is not a token.") from error

    return ask


class ShopToken:
    """One tenant's token, asked for once however many calls wait for it."""

    def __init__(self, tenant_id: UUID, source: TokenSource) -> None:
        self.tenant_id = tenant_id
        self._source = source
        self._token: AccessToken | None = None
        self._refused: AccessToken | None = None
        self._asking = asyncio.Lock()

    async def current(self) -> AccessToken:
        async with self._asking:
            if self._token is None or not self._token.is_fresh():
                self._token = await self._ask()
                self._refused = None
            return self._token

    async def _ask(self) -> AccessToken:
        if self._refused is None:
            return await self._source(self.tenant_id)
        return await self._source(self.tenant_id, self._refused)

    def forget(self, refused: AccessToken) -> None:
        """Ask for another next time, unless that happened already."""
        if self._token is refused:
            self._token, self._refused = None, refused
