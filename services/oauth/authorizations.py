"""A browser's way to Shopify's approval and back, whatever it is for.

A state is good once, for ten minutes, for one purpose, one shop, and the browser it was given to.
The purpose matters: Shopify signs the query of a callback and not its path.
Source: shopify.dev, "Authorization code grant".
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import InvalidInputError, InvalidShopDomainError, ShopifyAuthError
from libs.common.signatures import is_shop_domain, query_signature_matches
from services.oauth import repository
from services.oauth.repository import InstallState
from services.oauth.settings import OauthSettings

STATE_LIFETIME = timedelta(minutes=10)

_OLD_STATE_KEPT = timedelta(hours=1)
_TIMESTAMP_TOLERANCE = timedelta(minutes=5)
_NEEDED = ("hmac", "shop", "timestamp", "state", "code")
_MOST_PARAMETERS = 30
_SECRET_BYTES = 32
_SECRET = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class Purpose(StrEnum):
    INSTALL = "install"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Begun:
    authorize_url: str
    browser: str
    """The secret that the browser must bring back with the callback."""


@dataclass(frozen=True, slots=True)
class Approved:
    """What a callback that passed every check brought."""

    domain: str
    code: str


class Authorizations:
    """Those of one purpose. Shopify sends the browser back to `callback_path`.

    `more` goes to Shopify's page beside what every authorization asks for.
    """

    def __init__(
        self,
        settings: OauthSettings,
        engine: AsyncEngine,
        purpose: Purpose,
        callback_path: str,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._purpose = purpose
        self._callback_path = callback_path
        self._more = more or {}

    async def begin(self, query: str, browser: str | None) -> Begun:
        """Where to send the browser. A browser that has a secret keeps it: two tabs may connect.

        Raises InvalidInputError, InvalidShopDomainError.
        """
        domain = _shop_domain(_single_parameters(query).get("shop", ""))
        if browser is None or _SECRET.fullmatch(browser) is None:
            browser = secrets.token_hex(_SECRET_BYTES)
        state, now = secrets.token_hex(_SECRET_BYTES), utc_now()
        kept = InstallState(_hash(browser), domain, now + STATE_LIFETIME, None, self._purpose)
        async with transaction(self._engine) as tx:
            await repository.delete_old_install_states(tx, now - _OLD_STATE_KEPT)
            await repository.add_install_state(tx, _hash(state), kept)
        return Begun(self._authorize_url(domain, state), browser)

    def _authorize_url(self, domain: str, state: str) -> str:
        parameters = {
            "client_id": self._settings.shopify_api_key,
            "scope": ",".join(self._settings.scopes),
            "redirect_uri": self._settings.public_url + self._callback_path,
            "state": state,
            **self._more,
        }
        page = self._settings.shopify_authorize_url.replace("{shop}", domain)
        return f"{page}?{urlencode(parameters)}"

    async def check(self, query: str, browser: str | None) -> Approved:
        """Check the callback's query string and use up its state.

        Raises InvalidInputError, InvalidShopDomainError and, with `details.reason`,
        ShopifyAuthError.
        """
        parameters = _single_parameters(query)
        if any(name not in parameters for name in _NEEDED):
            raise refused("parameter_missing")
        domain = _shop_domain(parameters["shop"])
        now = utc_now()
        _check_signed(parameters, self._settings.client_secrets(), now)
        await self._use_state(parameters["state"], browser or "", domain, now)
        return Approved(domain, parameters["code"])

    async def _use_state(self, state: str, browser: str, domain: str, now: datetime) -> None:
        browser_hash = _hash(browser)
        async with transaction(self._engine) as tx:
            used = await repository.use_install_state(
                tx,
                _hash(state),
                purpose=self._purpose,
                browser_hash=browser_hash,
                domain=domain,
                now=now,
            )
            reason = None if used else await self._why_not(tx, state, browser_hash, now)
        if reason is not None:
            raise refused(reason)

    async def _why_not(
        self, tx: Transaction, state: str, browser_hash: bytes, now: datetime
    ) -> str:
        kept = await repository.install_state(tx, _hash(state))
        if kept is None:
            return "state_unknown"
        if kept.browser_hash != browser_hash:
            return "browser_mismatch"
        if kept.purpose != self._purpose:
            return "purpose_mismatch"
        if kept.used_at is not None:
            return "state_used"
        return "state_expired" if kept.expires_at <= now else "shop_mismatch"


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
        raise refused("state_malformed")
    if not query_signature_matches(parameters, keys):
        raise refused("hmac_invalid")
    if _TIMESTAMP.fullmatch(parameters["timestamp"]) is None:
        raise refused("timestamp_malformed")
    age = now.timestamp() - int(parameters["timestamp"])
    if abs(age) > _TIMESTAMP_TOLERANCE.total_seconds():
        raise refused("timestamp_stale")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def refused(reason: str, **more: object) -> ShopifyAuthError:
    return ShopifyAuthError(
        "Shopify's answer could not be verified. Start again.",
        details={"reason": reason, **more},
    )
