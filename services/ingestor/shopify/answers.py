"""Reads an answer of the Admin API: data, or the typed error that it means.

Status 200 says nothing: `errors` decides.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final, NoReturn

import httpx
import msgspec

from libs.common.clock import utc_now
from libs.common.errors import (
    ReconnectRequiredError,
    ShopifyRateLimitError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)

_DEFAULT_PAUSE_SECONDS = 2.0
_TEXT_AT_MOST = 300


class ErrorCode(StrEnum):
    """`errors[].extensions.code`, as far as we act on it."""

    THROTTLED = "THROTTLED"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    TIMEOUT = "TIMEOUT"
    ACCESS_DENIED = "ACCESS_DENIED"
    SHOP_INACTIVE = "SHOP_INACTIVE"
    MAX_COST_EXCEEDED = "MAX_COST_EXCEEDED"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, _value: object) -> "ErrorCode":
        return cls.OTHER


_REASON_BY_STATUS: Final = {
    402: "The shop is frozen at Shopify because of its bill.",
    403: "Shopify does not let this app in.",
    404: "Shopify knows no such shop.",
    423: "The shop is locked at Shopify.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`observed_at` is Shopify's clock when it answered."""

    data: dict[str, Any]
    observed_at: datetime
    served_version: str | None


def read_answer(response: httpx.Response) -> Answer:
    """Raises ShopifyRateLimitError, ShopifyUnavailableError, ShopifyRequestError or, when our
    token was refused, ReconnectRequiredError.
    """
    _check_status(response)
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError as error:
        raise ShopifyUnavailableError("Shopify's answer is not JSON.") from error
    if not isinstance(body, dict):
        raise ShopifyUnavailableError("Shopify's answer is no object.")
    if errors := body.get("errors"):
        _raise_error(errors, body.get("extensions") or {})
    data = body.get("data")
    if not isinstance(data, dict):
        raise ShopifyUnavailableError("Shopify's answer has no data.")
    return Answer(data, _observed_at(response), response.headers.get("X-Shopify-API-Version"))


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if status == httpx.codes.UNAUTHORIZED:
        raise ReconnectRequiredError("Shopify no longer accepts our token for this shop.")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        pause = _seconds(response.headers.get("Retry-After"))
        raise ShopifyRateLimitError("Shopify asks us to slow down.", retry_after_seconds=pause)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise ShopifyUnavailableError("Shopify failed.", status=status)
    reason = _REASON_BY_STATUS.get(status, "Shopify refused the request.")
    raise ShopifyRequestError(reason, status=status)


def _raise_error(errors: Any, extensions: dict[str, Any]) -> NoReturn:
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    code = ErrorCode(str((first.get("extensions") or {}).get("code")))
    text = str(first.get("message", errors))[:_TEXT_AT_MOST]
    match code:
        case ErrorCode.THROTTLED:
            pause = _throttled_seconds(extensions.get("cost") or {})
            raise ShopifyRateLimitError("Shopify throttles us.", retry_after_seconds=pause)
        case ErrorCode.INTERNAL_SERVER_ERROR | ErrorCode.TIMEOUT:
            raise ShopifyUnavailableError("Shopify failed.", reason=code.value)
        case ErrorCode.ACCESS_DENIED:
            # Shopify's own words name the scope that is missing, and nothing personal.
            raise ShopifyRequestError(text, reason=code.value)
        case ErrorCode.SHOP_INACTIVE:
            raise ShopifyRequestError("The shop is not active at Shopify.", reason=code.value)
        case ErrorCode.MAX_COST_EXCEEDED | ErrorCode.OTHER:
            raise ShopifyRequestError("Shopify refused the query.", reason=code.value, answer=text)


def _throttled_seconds(cost: dict[str, Any]) -> float:
    status = cost.get("throttleStatus") or {}
    try:
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(0.0, missing / float(status["restoreRate"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return _DEFAULT_PAUSE_SECONDS


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text or ""))
    except ValueError:
        return _DEFAULT_PAUSE_SECONDS


def _observed_at(response: httpx.Response) -> datetime:
    try:
        return parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return utc_now()
