"""The catalogue of error codes, and the one shape in which a caller sees an error."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from libs.common.clock import utc_now
from libs.common.errors import PlatformError, TransientError

STATUS_BY_CODE: Mapping[str, int] = {
    "ACCOUNT_OWNER_REQUIRED": 403,
    "ACCOUNT_DISABLED": 403,
    "AUTH_INVALID_CREDENTIALS": 401,
    "AUTH_SESSION_EXPIRED": 401,
    "BROKER_UNAVAILABLE": 503,
    "CALLER_REFUSED": 401,
    "CLAIM_INVALID": 400,
    "CLAIM_NOT_FOUND": 404,
    "CLAIM_USED": 409,
    "DATABASE_CONNECTION_FAILED": 503,
    "ENCRYPTION_KEY_MISSING": 503,
    "HEADERS_TOO_LARGE": 431,
    "INTERNAL_SERVER_ERROR": 500,
    "MESSAGE_MALFORMED": 400,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_FOUND": 404,
    "ORIGIN_REFUSED": 403,
    "OWNER_REQUIRED": 403,
    "PASSWORD_CONFIRMATION_FAILED": 403,
    "PASSWORD_REFUSED": 400,
    "PAYLOAD_TOO_LARGE": 413,
    "PULL_RUNNING": 409,
    "RATE_LIMITED": 429,
    "RECONNECT_REQUIRED": 409,
    "RECORD_REFUSED": 400,
    "REQUEST_MALFORMED": 400,
    "REQUEST_TIMEOUT": 408,
    "RECOVERY_INVALID": 400,
    "RECOVERY_NOT_FOUND": 404,
    "RECOVERY_USED": 409,
    "RESET_NOT_POSSIBLE": 409,
    "SERVICE_UNAVAILABLE": 503,
    "SESSION_NOT_FOUND": 404,
    "SHOPIFY_AUTH_FAILED": 403,
    "SHOPIFY_CIRCUIT_OPEN": 503,
    "SHOPIFY_RATE_LIMIT": 503,
    "SHOPIFY_REQUEST_REFUSED": 502,
    "SHOPIFY_UNAVAILABLE": 503,
    "SHOP_UNKNOWN": 404,
    "TEMPORARILY_UNAVAILABLE": 503,
    "TENANT_ALREADY_OWNED": 409,
    "TENANT_ERASURE_SCHEDULED": 403,
    "TENANT_NOT_FOUND": 404,
    "URL_TOO_LONG": 414,
    "USERNAME_TAKEN": 409,
    "USER_NOT_FOUND": 404,
    "VALIDATION_FAILED": 400,
    "VALIDATION_INVALID_DATE": 400,
    "VALIDATION_INVALID_RANGE": 400,
    "VALIDATION_INVALID_SHOP": 400,
    "WEBHOOK_SIGNATURE_INVALID": 401,
    "WEBHOOK_TOPIC_MISMATCH": 400,
}

_RETRY_AFTER_SECONDS = 5


class ErrorBody(BaseModel):
    code: str
    message: str
    details: Any = None
    retryable: bool


class ErrorResponse(BaseModel):
    """What every failed call answers with."""

    model_config = ConfigDict(populate_by_name=True)

    error: ErrorBody
    request_id: str = Field(alias="requestId")
    timestamp: str


def error_body(
    code: str, message: str, request_id: str, *, retryable: bool = False, details: object = None
) -> dict[str, Any]:
    response = ErrorResponse(
        error=ErrorBody(code=code, message=message, details=details, retryable=retryable),
        request_id=request_id,
        timestamp=utc_now().isoformat().replace("+00:00", "Z"),
    )
    return response.model_dump(by_alias=True)


def status_and_headers(error: PlatformError) -> tuple[int, dict[str, str]]:
    """The status of `error`, with Retry-After where another try may help."""
    if not isinstance(error, TransientError):
        return STATUS_BY_CODE[error.code], {}
    seconds = error.retry_after_seconds or _RETRY_AFTER_SECONDS
    return STATUS_BY_CODE[error.code], {"Retry-After": str(max(1, round(seconds)))}
