"""Gives a Shopify token that is valid now, renewed ahead of its end.

One renewal at a time per shop: the shop's row is locked while Shopify is asked, and the new
pair is committed before anybody gets to use it. A token without end is exchanged for a pair.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from weakref import WeakValueDictionary

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import (
    EncryptionKeyError,
    PlatformError,
    ReconnectRequiredError,
    ShopifyRequestError,
    ShopifyUnavailableError,
    TenantNotFoundError,
)
from libs.common.events.contracts import TenantDisconnected
from libs.common.logs import get_logger
from services.oauth import credentials, repository
from services.oauth.encryption import ACCESS_TOKEN, REFRESH_TOKEN, Cipher
from services.oauth.repository import SealedPair, Shop
from services.oauth.shopify import TokenEndpoint, TokenPair

RENEW_AHEAD = timedelta(minutes=10)
IDLE_AHEAD = timedelta(days=45)
"""Half the life of a refresh token: a shop in trouble has as long again to be tried."""

_RENEW_SECONDS = 10
_TURN_SECONDS = 12
"""To wait for a turn and renew; the caller gives up after 15."""

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

    def is_fresh(self) -> bool:
        """Never without an end: such a token is to become a pair."""
        expires_at = self.pair.access_expires_at
        return expires_at is not None and expires_at > utc_now() + RENEW_AHEAD

    def is_idle(self) -> bool:
        ends_at = self.pair.refresh_expires_at
        return ends_at is None or ends_at < utc_now() + IDLE_AHEAD

    def still_works(self) -> bool:
        expires_at = self.pair.access_expires_at
        return expires_at is None or expires_at > utc_now()


@dataclass(slots=True, weakref_slot=True)
class _Turn:
    """Where this process queues for one shop, however many ask.

    A look at the shop answers everybody who came before it began: hence `looks`, the number that
    have begun.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    looks: int = 0
    outcome: _Held | PlatformError | None = None


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
        self._turns: WeakValueDictionary[UUID, _Turn] = WeakValueDictionary()

    async def valid_token(self, tenant_id: UUID) -> ValidToken:
        """Raises TenantNotFoundError, ReconnectRequiredError, ShopifyUnavailableError,
        ShopifyRequestError, EncryptionKeyError.

        While Shopify gives no new pair, the token in hand is given until its end.
        """
        return self._opened(await self._in_turn(tenant_id, None))

    async def other_token(self, tenant_id: UUID, refused: SecretStr) -> ValidToken:
        """A token other than `refused`, which Shopify's Admin API did not take.

        Shopify itself decides what that means: it gives a new pair, or the merchant must connect
        again. Raises as `valid_token` does.
        """
        return self._opened(await self._in_turn(tenant_id, refused))

    async def renew_next_idle(self, after: UUID) -> UUID | None:
        """Renew the pair of the first idle tenant past `after`; None when there is none.

        A tenant whose pair cannot be renewed now is passed over. Raises TransientError when the
        database fails.
        """
        tenant_id = None
        try:
            async with self._slots, transaction(self._engine) as tx:
                ends_before = utc_now() + IDLE_AHEAD
                tenant_id = await credentials.lock_next_idle(tx, after, ends_before)
                if tenant_id is not None:
                    held = await _held(tx, tenant_id, await repository.shop(tx, tenant_id))
                    # It was found before its row was locked: another may have renewed it since.
                    if held.is_idle():
                        await self._renew(tx, held)
        except (ShopifyUnavailableError, ShopifyRequestError, EncryptionKeyError) as error:
            log.warning("idle_shop_not_renewed", tenant_id=tenant_id, code=error.code)
        return tenant_id

    async def renew(self, tx: Transaction, shop: Shop, pair: SealedPair) -> None:
        """Store the pair after `pair`, whatever the shop's status. The caller holds its lock.

        Raises ReconnectRequiredError at Shopify's terminal refusal, ShopifyUnavailableError,
        ShopifyRequestError, EncryptionKeyError.
        """
        held = _Held(shop, pair)
        await self._store(tx, held, await self._next_pair(held))

    async def _in_turn(self, tenant_id: UUID, refused: SecretStr | None) -> _Held:
        turn = self._turns.setdefault(tenant_id, _Turn())
        came = turn.looks
        try:
            async with asyncio.timeout(_TURN_SECONDS), turn.lock:
                if turn.looks == came or not self._answers(turn.outcome, refused):
                    turn.looks, turn.outcome = turn.looks + 1, None
                    turn.outcome = await self._look(turn, tenant_id, refused)
                outcome = turn.outcome
        except TimeoutError:
            raise ShopifyUnavailableError("Shopify does not answer.") from None
        if not isinstance(outcome, _Held):
            raise outcome or _reconnect()
        return outcome

    def _answers(self, outcome: _Held | PlatformError | None, refused: SecretStr | None) -> bool:
        """Whether what another ask learnt is an answer to this one."""
        if isinstance(outcome, _Held):
            return refused is None or self._opened(outcome).access_token != refused
        return outcome is not None

    async def _look(
        self, turn: _Turn, tenant_id: UUID, refused: SecretStr | None
    ) -> _Held | PlatformError:
        try:
            async with transaction(self._engine) as tx:
                held = await _held(tx, tenant_id, await repository.shop(tx, tenant_id))
            if self._is_good(held, refused):
                return held
            try:
                return await self._renewed(held, refused)
            finally:
                # The row was locked to the end, so this also answers who came meanwhile.
                turn.looks += 1
        except PlatformError as error:
            return error

    async def _renewed(self, held: _Held, refused: SecretStr | None) -> _Held:
        tenant_id = held.shop.tenant_id
        try:
            async with asyncio.timeout(_RENEW_SECONDS), self._slots:
                renewed = await self._renewed_or_lost(tenant_id, refused)
        except (TimeoutError, ShopifyUnavailableError, ShopifyRequestError) as error:
            if refused is None and held.still_works():
                log.warning("renewal_postponed", tenant_id=tenant_id, reason=type(error).__name__)
                return held
            if isinstance(error, TimeoutError):
                raise ShopifyUnavailableError("Shopify does not answer.") from None
            raise
        if renewed is None:
            raise _reconnect()
        return renewed

    async def _renewed_or_lost(self, tenant_id: UUID, refused: SecretStr | None) -> _Held | None:
        """The pair to use from now on; None when the merchant must connect again."""
        async with transaction(self._engine) as tx:
            shop = await repository.lock_shop(tx, tenant_id)
            held = await _held(tx, tenant_id, shop)
            return held if self._is_good(held, refused) else await self._renew(tx, held)

    def _is_good(self, held: _Held, refused: SecretStr | None) -> bool:
        return held.is_fresh() and self._answers(held, refused)

    async def _renew(self, tx: Transaction, held: _Held) -> _Held | None:
        """The next pair, stored; None when there is none: then that is stored, and published.

        The caller holds the shop's lock.
        """
        tenant_id = held.shop.tenant_id
        try:
            pair = await self._next_pair(held)
        except ReconnectRequiredError:
            log.warning("shop_must_reconnect", tenant_id=tenant_id)
            await repository.set_status(tx, tenant_id, "reconnect_required")
            await repository.set_uninstalled_at(tx, tenant_id, utc_now())
            event = TenantDisconnected(tenant_id=tenant_id, reason="reconnect_required")
            await repository.add_to_outbox(tx, event)
            return None
        return await self._store(tx, held, pair)

    async def _store(self, tx: Transaction, held: _Held, pair: TokenPair) -> _Held:
        tenant_id = held.shop.tenant_id
        sealed = seal_pair(self._cipher, tenant_id, pair, held.pair.installed_at)
        await repository.save_credentials(tx, tenant_id, sealed)
        log.info("token_pair_received", tenant_id=tenant_id)
        return _Held(held.shop, sealed)

    async def _next_pair(self, held: _Held) -> TokenPair:
        shop, pair = held.shop, held.pair
        if pair.refresh_token is None:
            token = self.access_token(shop.tenant_id, pair)
            return await self._endpoint.migrate(shop.domain, token)
        token = self._cipher.open(pair.refresh_token, shop.tenant_id, REFRESH_TOKEN)
        return await self._endpoint.refresh(shop.domain, token)

    def access_token(self, tenant_id: UUID, pair: SealedPair) -> SecretStr:
        """Raises EncryptionKeyError."""
        return self._cipher.open(pair.access_token, tenant_id, ACCESS_TOKEN)

    def _opened(self, held: _Held) -> ValidToken:
        return ValidToken(
            access_token=self.access_token(held.shop.tenant_id, held.pair),
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
