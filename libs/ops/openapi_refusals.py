"""Which errors each public operation answers with: by its route, and by the gateway."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from libs.common.errors import PlatformError, TransientError
from libs.common.web.errors import STATUS_BY_CODE

CATALOGUE = Path(__file__).resolve().parents[2] / "docs/errors.md"

_ROW = re.compile(r"^\| `([A-Z_]+)` \| (\d{3}) \| (yes|no) \| (.+) \| (.+) \|$", re.MULTILINE)
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}
_RATE_LIMIT = {
    "RateLimit": {
        "description": "What is left of each limit (r), and the seconds until more is free (t).",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "Each limit: requests (q) in a window of seconds (w).",
        "schema": {"type": "string"},
    },
}
# Operations that answer signed-out people too.
_OPEN = (
    *("/api/auth/login", "/api/auth/logout", "/api/auth/claim", "/api/auth/recovery"),
    "/api/shopify/",
)
_ASKS_OTHERS = ("/api/analytics/", "/api/ingestion/", "/api/shopify/", "/api/tenants/")
_OWN: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("post", "/api/auth/login"): (
        *("ACCOUNT_DISABLED", "AUTH_INVALID_CREDENTIALS", "SERVICE_UNAVAILABLE"),
        "TENANT_ERASURE_SCHEDULED",
    ),
    ("post", "/api/auth/password"): ("PASSWORD_CONFIRMATION_FAILED", "PASSWORD_REFUSED"),
    ("delete", "/api/auth/sessions/{session_id}"): ("SESSION_NOT_FOUND",),
    ("get", "/api/auth/claim"): ("CLAIM_NOT_FOUND", "CLAIM_INVALID"),
    ("post", "/api/auth/claim"): (
        *("CLAIM_NOT_FOUND", "CLAIM_INVALID", "CLAIM_USED", "PASSWORD_REFUSED"),
        *("SERVICE_UNAVAILABLE", "TENANT_ALREADY_OWNED", "TENANT_ERASURE_SCHEDULED"),
        "USERNAME_TAKEN",
    ),
    ("get", "/api/auth/recovery"): ("RECOVERY_INVALID", "RECOVERY_NOT_FOUND", "RECOVERY_USED"),
    ("post", "/api/auth/recovery"): (
        *("AUTH_INVALID_CREDENTIALS", "PASSWORD_REFUSED", "RECOVERY_INVALID"),
        *("RECOVERY_NOT_FOUND", "RECOVERY_USED", "RESET_NOT_POSSIBLE", "USERNAME_TAKEN"),
        "TEMPORARILY_UNAVAILABLE",
    ),
    ("post", "/api/ingestion/pulls"): (
        *("OWNER_REQUIRED", "PULL_RUNNING", "TENANT_NOT_FOUND", "VALIDATION_INVALID_RANGE"),
    ),
    ("get", "/api/live"): ("TEMPORARILY_UNAVAILABLE",),
    ("get", "/api/shopify/auth"): ("VALIDATION_INVALID_SHOP",),
    ("get", "/api/shopify/callback"): (
        *("SHOPIFY_AUTH_FAILED", "SHOPIFY_UNAVAILABLE", "VALIDATION_INVALID_SHOP"),
    ),
    ("get", "/api/shopify/recover"): ("VALIDATION_INVALID_SHOP",),
    ("get", "/api/shopify/recover/callback"): (
        *("ACCOUNT_OWNER_REQUIRED", "SHOPIFY_AUTH_FAILED", "SHOPIFY_UNAVAILABLE"),
        *("TENANT_NOT_FOUND", "VALIDATION_INVALID_SHOP"),
    ),
    ("get", "/api/tenants/current"): ("TENANT_NOT_FOUND",),
    ("patch", "/api/tenants/current"): (
        *("OWNER_REQUIRED", "TEMPORARILY_UNAVAILABLE", "TENANT_NOT_FOUND"),
    ),
    ("delete", "/api/tenants/current"): (
        *("OWNER_REQUIRED", "PASSWORD_CONFIRMATION_FAILED", "TENANT_NOT_FOUND"),
    ),
    ("get", "/api/tenants/current/audit-log"): ("OWNER_REQUIRED",),
    ("get", "/api/tenants/current/data-requests"): ("OWNER_REQUIRED",),
    ("get", "/api/tenants/current/data-requests/{request_id}/file"): (
        *("NOT_FOUND", "OWNER_REQUIRED"),
    ),
    ("post", "/api/tenants/current/disconnect"): (
        *("OWNER_REQUIRED", "PASSWORD_CONFIRMATION_FAILED", "TENANT_NOT_FOUND"),
    ),
}


def catalogue() -> list[dict[str, Any]]:
    """The rows of docs/errors.md."""
    return [
        {
            "code": code,
            "status": int(status),
            "retryable": retry == "yes",
            "meaning": meaning,
            "whatToDo": remedy,
        }
        for code, status, retry, meaning, remedy in _ROW.findall(CATALOGUE.read_text())
    ]


def add_refusals(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Write into each operation the errors it may answer with, and whether it needs a session."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            if not path.startswith(_OPEN):
                operation["security"] = [{"session": []}]
            codes = sorted({*_common(method, path, operation), *_OWN.get((method, path), ())})
            operation["responses"].update(_responses(codes))
            _add_rate_limit_headers(operation["responses"])


def _common(method: str, path: str, operation: Mapping[str, Any]) -> Iterable[str]:
    yield "DATABASE_CONNECTION_FAILED"
    yield "RATE_LIMITED"
    if "security" in operation:
        yield "AUTH_SESSION_EXPIRED"
    if method != "get":
        yield from ("ORIGIN_REFUSED", "PAYLOAD_TOO_LARGE")
    if path.startswith(_ASKS_OTHERS):
        yield "SERVICE_UNAVAILABLE"
    parameters = operation.get("parameters", [])
    if any(one["in"] in ("path", "query") for one in parameters) or "requestBody" in operation:
        yield "VALIDATION_FAILED"
    if any(one["schema"].get("format") == "date" for one in parameters):
        yield from ("VALIDATION_INVALID_DATE", "VALIDATION_INVALID_RANGE")


def _responses(codes: Iterable[str]) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(STATUS_BY_CODE[code]), []).append(code)
    return {status: _response(found) for status, found in sorted(by_status.items())}


def _response(codes: list[str]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": _ERROR,
    }
    if any(code in _transient_codes(TransientError) for code in codes):
        response["headers"] = dict(_RETRY_AFTER)
    return response


def _transient_codes(kind: type[PlatformError]) -> set[str]:
    return {kind.code}.union(*(_transient_codes(child) for child in kind.__subclasses__()))


def _add_rate_limit_headers(responses: Mapping[str, Any]) -> None:
    for status, response in responses.items():
        if not status.endswith("XX"):
            response["headers"] = {**response.get("headers", {}), **_RATE_LIMIT}
