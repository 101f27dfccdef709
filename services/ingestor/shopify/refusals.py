"""Each way in which Shopify says no, and the typed error that it is here.

throttled  ShopifyRateLimitError    wait, then ask again: no failure
retryable  ShopifyUnavailableError  ask again a few times, with pauses
token      ReconnectRequiredError   once with a new token, then later
terminal   ShopifyRequestError      asking again cannot help
"""

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from http import HTTPStatus
from typing import Any, Final

import httpx

from libs.common.errors import (
    PlatformError,
    ReconnectRequiredError,
    ShopifyRateLimitError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)

_DEFAULT_PAUSE_SECONDS = 2.0
_TEXT_AT_MOST = 300


class Group(IntEnum):
    """What to do about a refusal. Of several in one answer the first group here decides."""

    THROTTLED = 1
    RETRYABLE = 2
    TOKEN = 3
    TERMINAL = 4


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

    @property
    def group(self) -> Group:
        match self:
            case ErrorCode.THROTTLED:
                return Group.THROTTLED
            case ErrorCode.INTERNAL_SERVER_ERROR | ErrorCode.TIMEOUT:
                return Group.RETRYABLE
            case _:
                return Group.TERMINAL


_REASON_BY_STATUS: Final = {
    402: "The shop is frozen at Shopify because of its bill.",
    403: "Shopify does not let this app in.",
    404: "Shopify knows no such shop, or has nothing there.",
    423: "The shop is locked at Shopify.",
}


def group_of_status(status: int) -> Group:
    if status == HTTPStatus.UNAUTHORIZED:
        return Group.TOKEN
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Group.THROTTLED
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Group.RETRYABLE
    return Group.TERMINAL


def error_of_status(response: httpx.Response) -> PlatformError:
    """What an answer with another status than a good one means."""
    status = response.status_code
    match group_of_status(status):
        case Group.THROTTLED:
            pause = _retry_after(response)
            return ShopifyRateLimitError(
                "Shopify asks us to slow down.",
                retry_after_seconds=_DEFAULT_PAUSE_SECONDS if pause is None else pause,
                status=status,
            )
        case Group.RETRYABLE:
            pause = _retry_after(response)
            return ShopifyUnavailableError(
                "Shopify failed.", retry_after_seconds=pause, status=status
            )
        case Group.TOKEN:
            return ReconnectRequiredError("Shopify no longer accepts our token for this shop.")
        case Group.TERMINAL:
            reason = _REASON_BY_STATUS.get(status, "Shopify refused the request.")
            return ShopifyRequestError(reason, status=status)


def error_of_codes(errors: Any, pause_seconds: float | None) -> PlatformError:
    """What the `errors` of a GraphQL answer mean; `pause_seconds` is the wait if throttled."""
    found = errors if isinstance(errors, list) and errors else [{"message": errors}]
    first = min(found, key=lambda each: code_of(each).group)
    code, text = code_of(first), _message(first)
    match code.group:
        case Group.THROTTLED:
            pause = _DEFAULT_PAUSE_SECONDS if pause_seconds is None else pause_seconds
            return ShopifyRateLimitError(
                "Shopify throttles us.", retry_after_seconds=pause, reason=code.value
            )
        case Group.RETRYABLE:
            return ShopifyUnavailableError("Shopify failed.", reason=code.value)
        case _:
            return _refusal(code, text)


def code_of(error: Any) -> ErrorCode:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    return ErrorCode(str(extensions.get("code")) if isinstance(extensions, dict) else "")


def denied_fields(errors: Any) -> Sequence[str] | None:
    """The protected fields below the root that Shopify keeps from us, if nothing else is wrong.

    A scope that is missing is something else: the merchant has to hear of it.
    """
    if not isinstance(errors, list):
        return None
    paths = [_path_below_root(each) for each in errors]
    return sorted({path[-1] for path in paths}) if all(paths) else None


def _path_below_root(error: Any) -> list[str]:
    if code_of(error) is not ErrorCode.ACCESS_DENIED or "requiredAccess" in error["extensions"]:
        return []
    path = error.get("path")
    names = [part for part in path if isinstance(part, str)] if isinstance(path, list) else []
    return names if len(names) > 1 else []


def _refusal(code: ErrorCode, text: str) -> ShopifyRequestError:
    match code:
        case ErrorCode.ACCESS_DENIED:
            # Shopify's own words name the scope that is missing, and nothing personal.
            return ShopifyRequestError(text, reason=code.value)
        case ErrorCode.SHOP_INACTIVE:
            return ShopifyRequestError("The shop is not active at Shopify.", reason=code.value)
        case _:
            return ShopifyRequestError("Shopify refused the query.", reason=code.value, answer=text)


def _message(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text)[:_TEXT_AT_MOST]


def _retry_after(response: httpx.Response) -> float | None:
    """Shopify writes decimals (`2.0`). None when it says nothing that can be read."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None
