"""The access token of one shop: asked of the oauth service, kept until shortly before it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
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


TokenSource = Callable[[UUID], Awaitable[AccessToken]]
"""Gives a valid token for a tenant. Raises ReconnectRequiredError, TenantNotFoundError, or a
TransientError.
"""


def oauth_tokens(oauth: ServiceClient) -> TokenSource:
    """Tokens from the oauth service, the only one that can decrypt them."""

    async def ask(tenant_id: UUID) -> AccessToken:
        path = f"/internal/tenants/{tenant_id}/token"
        answer = await oauth.ask("POST", path, tenant_id=tenant_id)
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
        self._asking = asyncio.Lock()

    async def current(self) -> AccessToken:
        async with self._asking:
            if self._token is None or not self._token.is_fresh():
                self._token = await self._source(self.tenant_id)
            return self._token

    def forget(self, refused: AccessToken) -> None:
        """Ask anew next time, unless that happened already."""
        if self._token is refused:
            self._token = None
