"""Gives a Shopify token that is valid now, refreshed ahead of its end.

One refresh at a time per shop: the shop's row is locked while Shopify is asked, and the new
pair is committed before anybody gets to use it.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from weakref import WeakValueDictionary

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import (
    ReconnectRequiredError,
    ShopifyUnavailableError,
    TenantNotFoundError,
)
from libs.common.logs import get_logger
from services.oauth import repository
from services.oauth.encryption import ACCESS_TOKEN, REFRESH_TOKEN, Cipher
from services.oauth.repository import SealedPair, Shop
from services.oauth.shopify import TokenEndpoint, TokenPair

REFRESH_AHEAD = timedelta(minutes=10)

_TURN_SECONDS = 12
"""To wait for a turn and refresh; the caller gives up after 15."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class ValidToken:
    access_token: SecretStr
    expires_at: datetime | None
    scopes: list[str]
    shop_domain: str


@dataclass(frozen=True, slots=True)
class _Held:
    """A shop that may be called, and the pair it has."""

    shop: Shop
    pair: SealedPair

    def lasts(self, margin: timedelta) -> bool:
        expires_at = self.pair.access_expires_at
        return expires_at is None or expires_at > utc_now() + margin


def seal_pair(
    cipher: Cipher, tenant_id: UUID, pair: TokenPair, installed_at: datetime
) -> SealedPair:
    refresh = pair.refresh_token
    return SealedPair(
        access_token=cipher.seal(pair.access_token, tenant_id, ACCESS_TOKEN),
        access_expires_at=pair.access_expires_at,
        refresh_token=None if refresh is None else cipher.seal(refresh, tenant_id, REFRESH_TOKEN),
        refresh_expires_at=pair.refresh_expires_at,
        scopes=list(pair.scopes),
        installed_at=installed_at,
    )


class Tokens:
    """`slots` bounds the transactions that wait for Shopify, so that the pool has room left."""

    def __init__(
        self,
        engine: AsyncEngine,
        cipher: Cipher,
        endpoint: TokenEndpoint,
        slots: asyncio.Semaphore,
    ) -> None:
        self._engine = engine
        self._cipher = cipher
        self._endpoint = endpoint
        self._slots = slots
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def valid_token(self, tenant_id: UUID) -> ValidToken:
        """Raises TenantNotFoundError, ReconnectRequiredError, ShopifyUnavailableError.

        While Shopify does not answer a refresh, the token in hand is given until its end.
        """
        async with transaction(self._engine) as tx:
            held = await _held(tx, tenant_id, await repository.shop(tx, tenant_id))
        if held.lasts(REFRESH_AHEAD):
            return self._opened(held)
        try:
            return self._opened(await self._refreshed(tenant_id))
        except ShopifyUnavailableError:
            if not held.lasts(timedelta(0)):
                raise
            log.warning("refresh_postponed", tenant_id=tenant_id)
            return self._opened(held)

    async def _refreshed(self, tenant_id: UUID) -> _Held:
        # In this process they queue here, and only the first takes a connection to the lock.
        turn = self._turns.setdefault(tenant_id, asyncio.Lock())
        try:
            async with asyncio.timeout(_TURN_SECONDS), turn, self._slots:
                held = await self._refresh_in_turn(tenant_id)
        except TimeoutError:
            raise ShopifyUnavailableError("Shopify does not answer.") from None
        if held is None:
            raise _reconnect()
        return held

    async def _refresh_in_turn(self, tenant_id: UUID) -> _Held | None:
        """The pair to use from now on; None when the merchant must connect again."""
        async with transaction(self._engine) as tx:
            shop = await repository.lock_shop(tx, tenant_id)
            held = await _held(tx, tenant_id, shop)
            if held.lasts(REFRESH_AHEAD):
                return held
            try:
                pair = await self._next_pair(held)
            except ReconnectRequiredError:
                log.warning("refresh_token_spent", tenant_id=tenant_id)
                await repository.set_status(tx, tenant_id, "reconnect_required")
                return None
            sealed = seal_pair(self._cipher, tenant_id, pair, held.pair.installed_at)
            await repository.save_credentials(tx, tenant_id, sealed)
        log.info("token_refreshed", tenant_id=tenant_id)
        return _Held(held.shop, sealed)

    async def _next_pair(self, held: _Held) -> TokenPair:
        if held.pair.refresh_token is None:
            raise _reconnect()
        token = self._cipher.open(held.pair.refresh_token, held.shop.tenant_id, REFRESH_TOKEN)
        return await self._endpoint.refresh(held.shop.domain, token)

    def _opened(self, held: _Held) -> ValidToken:
        token = self._cipher.open(held.pair.access_token, held.shop.tenant_id, ACCESS_TOKEN)
        return ValidToken(
            access_token=token,
            expires_at=held.pair.access_expires_at,
            scopes=held.pair.scopes,
            shop_domain=held.shop.domain,
        )


async def _held(tx: Transaction, tenant_id: UUID, shop: Shop | None) -> _Held:
    if shop is None:
        raise TenantNotFoundError("There is no such tenant.")
    pair = await repository.credentials_of(tx, tenant_id)
    if shop.status != "active" or pair is None:
        raise _reconnect()
    return _Held(shop, pair)


def _reconnect() -> ReconnectRequiredError:
    return ReconnectRequiredError("The shop must be connected again.")
