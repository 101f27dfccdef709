"""Connecting a shop: from the first redirect to a tenant with tokens.

A state is good once, for ten minutes, for one shop and for the browser it was given to.
Source: shopify.dev, "Authorization code grant".
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import (
    InvalidInputError,
    InvalidShopDomainError,
    ShopifyAuthError,
    ShopifyUnavailableError,
)
from libs.common.events.contracts import TenantConnected
from libs.common.ids import new_id
from libs.common.logs import get_logger
from libs.common.signatures import is_shop_domain, query_signature_matches
from services.oauth import offboarding, repository
from services.oauth.encryption import Cipher
from services.oauth.repository import InstallState
from services.oauth.scopes import missing_scopes
from services.oauth.settings import OauthSettings
from services.oauth.shop_ids import ShopIds
from services.oauth.shopify import TokenEndpoint
from services.oauth.tokens import seal_pair

STATE_LIFETIME = timedelta(minutes=10)
CALLBACK_PATH = "/api/shopify/callback"

_OLD_STATE_KEPT = timedelta(hours=1)
_TIMESTAMP_TOLERANCE = timedelta(minutes=5)
_CONNECT_SECONDS = 12
_NEEDED = ("hmac", "shop", "timestamp", "state", "code")
_MOST_PARAMETERS = 30
_SECRET_BYTES = 32
_SECRET = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Begun:
    authorize_url: str
    browser: str
    """The secret that the browser must bring back with the callback."""


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
        self._engine = engine
        self._cipher = cipher
        self._endpoint = endpoint
        self._shop_ids = shop_ids
        self._slots = slots

    async def begin(self, query: str, browser: str | None) -> Begun:
        """Where to send the browser. A browser that has a secret keeps it: two tabs may connect.

        Raises InvalidInputError, InvalidShopDomainError.
        """
        domain = _shop_domain(_single_parameters(query).get("shop", ""))
        if browser is None or _SECRET.fullmatch(browser) is None:
            browser = secrets.token_hex(_SECRET_BYTES)
        state, now = secrets.token_hex(_SECRET_BYTES), utc_now()
        kept = InstallState(_hash(browser), domain, now + STATE_LIFETIME, None)
        async with transaction(self._engine) as tx:
            await repository.delete_old_install_states(tx, now - _OLD_STATE_KEPT)
            await repository.add_install_state(tx, _hash(state), kept)
        return Begun(self._authorize_url(domain, state), browser)

    def _authorize_url(self, domain: str, state: str) -> str:
        parameters = {
            "client_id": self._settings.shopify_api_key,
            "scope": ",".join(self._settings.scopes),
            "redirect_uri": self._settings.public_url + CALLBACK_PATH,
            "state": state,
        }
        page = self._settings.shopify_authorize_url.replace("{shop}", domain)
        return f"{page}?{urlencode(parameters)}"

    async def finish(self, query: str, browser: str | None) -> Connected:
        """Check the callback's query string, then connect its shop.

        Raises InvalidInputError, InvalidShopDomainError, ShopifyUnavailableError and, with
        `details.reason`, ShopifyAuthError.
        """
        parameters = _single_parameters(query)
        if any(name not in parameters for name in _NEEDED):
            raise _refused("parameter_missing")
        domain = _shop_domain(parameters["shop"])
        now = utc_now()
        _check_signed(parameters, self._settings.client_secrets(), now)
        await self._use_state(parameters["state"], browser or "", domain, now)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS), self._slots:
                tenant_id, token = await self._connect(domain, parameters["code"])
        except TimeoutError:
            raise ShopifyUnavailableError("Shopify does not answer.") from None
        log.info("shop_connected", tenant_id=tenant_id, shop=domain)
        await self._shop_ids.learn(tenant_id, domain, token)
        return Connected(tenant_id, domain)

    async def _use_state(self, state: str, browser: str, domain: str, now: datetime) -> None:
        async with transaction(self._engine) as tx:
            used = await repository.use_install_state(
                tx, _hash(state), browser_hash=_hash(browser), domain=domain, now=now
            )
            reason = None if used else await _why_not(tx, state, browser, now)
        if reason is not None:
            raise _refused(reason)

    async def _connect(self, domain: str, code: str) -> tuple[UUID, SecretStr]:
        """Tenant, credentials and event in one transaction.

        The shop's row is locked before the code is exchanged: with two at once, the pair that
        Shopify gave last is the pair that is stored last.
        """
        now = utc_now()
        async with transaction(self._engine) as tx:
            tenant_id = await repository.claim_domain(tx, domain, new_id(), now)
            pair = await self._endpoint.exchange(domain, code)
            if missing := missing_scopes(self._settings.scopes, pair.scopes):
                raise _refused("scopes_missing", scopes=missing)
            sealed = seal_pair(self._cipher, tenant_id, pair, pair.granted_at)
            await repository.save_credentials(tx, tenant_id, sealed)
            await repository.set_status(tx, tenant_id, "active")
            await repository.set_connected_at(tx, tenant_id, now)
            await offboarding.come_back(tx, tenant_id, now)
            event = TenantConnected(tenant_id=tenant_id, shop_domain=domain)
            await repository.add_to_outbox(tx, event)
        return tenant_id, pair.access_token


def _single_parameters(query: str) -> dict[str, str]:
    """Twice the same name is refused: the value checked and the value used might differ."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        pairs = []
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        details = {"reason": "parameter_repeated"}
        raise InvalidInputError("A parameter is there more than once.", details=details)
    return parameters


def _shop_domain(given: str) -> str:
    if not is_shop_domain(given):
        raise InvalidShopDomainError("A shop's name looks like example.myshopify.com.")
    return given.lower()


def _check_signed(parameters: Mapping[str, str], keys: list[str], now: datetime) -> None:
    if _SECRET.fullmatch(parameters["state"]) is None:
        raise _refused("state_malformed")
    if not query_signature_matches(parameters, keys):
        raise _refused("hmac_invalid")
    if _TIMESTAMP.fullmatch(parameters["timestamp"]) is None:
        raise _refused("timestamp_malformed")
    age = now.timestamp() - int(parameters["timestamp"])
    if abs(age) > _TIMESTAMP_TOLERANCE.total_seconds():
        raise _refused("timestamp_stale")


async def _why_not(tx: Transaction, state: str, browser: str, now: datetime) -> str:
    kept = await repository.install_state(tx, _hash(state))
    if kept is None:
        return "state_unknown"
    if kept.browser_hash != _hash(browser):
        return "browser_mismatch"
    if kept.used_at is not None:
        return "state_used"
    return "state_expired" if kept.expires_at <= now else "shop_mismatch"


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _refused(reason: str, **more: object) -> ShopifyAuthError:
    return ShopifyAuthError(
        "The connection with Shopify could not be verified. Connect the shop again.",
        details={"reason": reason, **more},
    )
