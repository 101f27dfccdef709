"""Shopify's token endpoint: a code or a token in, a pair of tokens out.

What got no answer is asked again with the same token. Shopify goes on taking a refresh token
until its successor is used, and gives the pair of a lost migration again for seven days.
Sources: shopify.dev, "Offline access tokens", and the changelog, "More resilient token exchanges
when migrating tokens without a user session".
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import BaseModel, SecretStr, ValidationError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from libs.common.clock import utc_now
from libs.common.errors import (
    PlatformError,
    ReconnectRequiredError,
    ShopifyAuthError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)
from libs.common.logs import get_logger
from libs.common.settings import HttpUrl

_TRIES = 4
_ASK_SECONDS = 4
_WHOLE_SECONDS = 8
"""Less than the statement timeout of the oauth role: a row lock is held meanwhile."""

_DEFAULT_LIFETIME = timedelta(hours=1)
_DEFAULT_REFRESH_LIFETIME = timedelta(days=90)
_TERMINAL_ERRORS = {"invalid_grant", "invalid_subject_token"}
"""Not `invalid_client`: that is our own id or secret, and says nothing of the shop."""
_OUR_FAULT = "invalid_client"
_NO_ACTIVE_TOKEN = "active refresh_token"  # noqa: S105 - words of an error message
_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
_OFFLINE_TOKEN = "urn:shopify:params:oauth:token-type:offline-access-token"  # noqa: S105
_LONGEST_PAUSE = 2
_PAUSE = wait_random_exponential(multiplier=0.2, max=_LONGEST_PAUSE)

log = get_logger()


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Without `access_expires_at` the access token is good for ever."""

    access_token: SecretStr
    access_expires_at: datetime | None
    refresh_token: SecretStr | None
    refresh_expires_at: datetime | None
    scopes: tuple[str, ...]
    granted_at: datetime
    """By Shopify's clock, in whole seconds, so that it compares with `triggered-at`."""


class _Answer(BaseModel):
    access_token: SecretStr
    scope: str
    expires_in: int | None = None
    refresh_token: SecretStr | None = None
    refresh_token_expires_in: int | None = None


class TokenEndpoint:
    """One app's access to every shop's token endpoint. `api_url` holds `{shop}`."""

    def __init__(self, api_url: HttpUrl, client_id: str, client_secret: SecretStr) -> None:
        self._api_url = api_url
        self._client_id = client_id
        self._client_secret = client_secret
        timeout = httpx.Timeout(_ASK_SECONDS, connect=2)
        self._http = httpx.AsyncClient(timeout=timeout, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def exchange(self, domain: str, code: str) -> TokenPair:
        """A callback's code for an expiring pair.

        Raises ShopifyAuthError when Shopify does not take the code, ShopifyUnavailableError.
        """
        return await self._ask(domain, {"code": code, "expiring": "1"})

    async def refresh(self, domain: str, refresh_token: SecretStr) -> TokenPair:
        """The next pair. Holds for 8 seconds at most.

        Raises ReconnectRequiredError when the token is spent for good, ShopifyUnavailableError,
        and ShopifyRequestError for a refusal that says nothing of the token.
        """
        token = refresh_token.get_secret_value()
        return await self._ask(domain, {"grant_type": "refresh_token", "refresh_token": token})

    async def migrate(self, domain: str, access_token: SecretStr) -> TokenPair:
        """A pair in place of a token without end, which Shopify revokes with it.

        Holds for 8 seconds at most. Raises as `refresh` does.
        """
        fields = {
            "grant_type": _TOKEN_EXCHANGE,
            "subject_token": access_token.get_secret_value(),
            "subject_token_type": _OFFLINE_TOKEN,
            "requested_token_type": _OFFLINE_TOKEN,
            "expiring": "1",
        }
        return await self._ask(domain, fields)

    async def _ask(self, domain: str, fields: Mapping[str, str]) -> TokenPair:
        retrying = AsyncRetrying(
            retry=retry_if_exception(_may_soon_answer),
            wait=_pause,
            stop=stop_after_attempt(_TRIES),
            before_sleep=_say,
            reraise=True,
        )
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                return await retrying(self._ask_once, domain, fields)
        except TimeoutError:
            raise _unavailable(reason="timeout") from None

    async def _ask_once(self, domain: str, fields: Mapping[str, str]) -> TokenPair:
        secret = self._client_secret.get_secret_value()
        form = {"client_id": self._client_id, "client_secret": secret, **fields}
        url = self._api_url.replace("{shop}", domain) + "/admin/oauth/access_token"
        asked_at = utc_now()
        try:
            response = await self._http.post(url, data=form, headers={"Accept": "application/json"})
        except httpx.HTTPError as error:
            # Without its cause: that one holds the request, and the request holds secrets.
            raise _unavailable(reason=type(error).__name__) from None
        if response.status_code != HTTPStatus.OK:
            raise _refusal(response, by_code="code" in fields)
        return _pair(response, asked_at)


def _may_soon_answer(error: BaseException) -> bool:
    """Not when Shopify asks for a longer pause than a caller can wait."""
    if not isinstance(error, ShopifyUnavailableError):
        return False
    return (error.retry_after_seconds or 0) <= _LONGEST_PAUSE


def _pause(state: RetryCallState) -> float:
    """Full jitter, or what Shopify asked for."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ShopifyUnavailableError) and error.retry_after_seconds:
        return error.retry_after_seconds
    return _PAUSE(state)


def _say(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning(
        "shopify_token_asked_again",
        shop_domain=state.args[0],
        attempt=state.attempt_number,
        pause_seconds=round(state.upcoming_sleep, 2),
        reason=error.context["reason"] if isinstance(error, ShopifyUnavailableError) else None,
    )


def _unavailable(
    *, reason: str, retry_after_seconds: float | None = None
) -> ShopifyUnavailableError:
    return ShopifyUnavailableError(
        "Shopify does not answer.", retry_after_seconds=retry_after_seconds, reason=reason
    )


def _refusal(response: httpx.Response, *, by_code: bool) -> PlatformError:
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unavailable(reason=f"status_{status}", retry_after_seconds=_retry_after(response))
    body = _json_object(response)
    error, description = str(body.get("error", "")), str(body.get("error_description", ""))
    unauthorized = status == HTTPStatus.UNAUTHORIZED and error == "invalid_request"
    if unauthorized or error in _TERMINAL_ERRORS or _NO_ACTIVE_TOKEN in description:
        return ReconnectRequiredError("The shop must be connected again.", status=status)
    if by_code and status == HTTPStatus.BAD_REQUEST:
        return ShopifyAuthError(
            "Shopify did not accept the authorization. Connect the shop again.",
            details={"reason": "code_refused"},
        )
    if error == _OUR_FAULT:
        log.error(
            "shopify_refuses_the_app", remedy="compare SHOPIFY_API_KEY and SHOPIFY_API_SECRET"
        )
    return ShopifyRequestError("Shopify refused to give a token.", status=status)


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        return None


def _pair(response: httpx.Response, asked_at: datetime) -> TokenPair:
    try:
        answer = _Answer.model_validate_json(response.content)
    except ValidationError:
        raise _unavailable(reason="answer_malformed") from None
    lifetime = _seconds(answer.expires_in)
    refresh_lifetime = _seconds(answer.refresh_token_expires_in)
    if answer.refresh_token is not None:
        lifetime = _DEFAULT_LIFETIME if lifetime is None else lifetime
        if refresh_lifetime is None:
            refresh_lifetime = _DEFAULT_REFRESH_LIFETIME
    return TokenPair(
        access_token=answer.access_token,
        access_expires_at=None if lifetime is None else asked_at + lifetime,
        refresh_token=answer.refresh_token,
        refresh_expires_at=None if refresh_lifetime is None else asked_at + refresh_lifetime,
        scopes=tuple(sorted({item.strip() for item in answer.scope.split(",") if item.strip()})),
        granted_at=_shopify_time(response) or asked_at,
    )


def _seconds(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(seconds=count)


def _shopify_time(response: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
