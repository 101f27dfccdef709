"""From a request to a delivery: every check that a webhook must pass.

The headers are checked before the body is read. The body is not parsed: its first and last byte,
and the signature over all of them, are looked at.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.common.clock import utc_now
from libs.common.errors import (
    InvalidInputError,
    InvalidShopDomainError,
    SignatureInvalidError,
    TopicMismatchError,
)
from libs.common.security_events import SecurityEvent
from libs.common.signatures import is_shop_domain, webhook_signature_matches

_SIGNATURE = re.compile(rb"[A-Za-z0-9+/]{43}=")
"""Base64 of the 32 bytes of an HMAC-SHA256."""
_PRINTABLE = re.compile(r"[!-~]{1,128}", re.ASCII)
"""A topic or an id. Some topics have dots and no slash (customer.tags_added); one that is refused
eight times in a row loses its subscription."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_PREFIX = "/webhooks"
_COMPLIANCE_PATH = "compliance"
COMPLIANCE_TOPICS = frozenset({"customers/data_request", "customers/redact", "shop/redact"})
_OTHER_NAMES = {"orders/update": "orders/updated"}
"""What a path may call a topic, and what Shopify calls it."""

Headers = Mapping[bytes, bytes]


class SignatureRefusedError(SignatureInvalidError):
    """`event` and `reason` are for the log.

    The text is one and the same, so that an answer does not tell which signatures are good.
    """

    def __init__(self, event: SecurityEvent, reason: str) -> None:
        super().__init__("The signature does not match the body.")
        self.event = event
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the headers of a genuine delivery say, checked."""

    id: str
    shop_domain: str
    topic: str
    triggered_at: datetime
    event_id: str | None
    traceparent: str | None


def is_webhook_path(path: str) -> bool:
    return path == _PREFIX or path.startswith(f"{_PREFIX}/")


def header(headers: Headers, name: bytes) -> str:
    """One of Shopify's headers, with or without the `X-`; empty when it is not there."""
    value = headers.get(b"x-shopify-" + name) or headers.get(b"shopify-" + name) or b""
    return value.decode("latin-1")


def read_signature(headers: Headers) -> bytes:
    """What the signature's header holds. Raises SignatureRefusedError when it can be none."""
    signature = headers.get(b"x-shopify-hmac-sha256") or headers.get(b"shopify-hmac-sha256") or b""
    if _SIGNATURE.fullmatch(signature) is None:
        raise SignatureRefusedError(
            SecurityEvent.DELIVERY_UNSIGNED, "malformed" if signature else "missing"
        )
    return signature


def check_body(body: bytes, signature: bytes, secrets: Sequence[str]) -> None:
    """Raises SignatureRefusedError unless Shopify signed `body`, and signed it as a webhook.

    With the same key it signs the query string of every redirect to the app, which merchants see.
    No such text begins with a brace and every webhook does (docs/adr/0015).
    """
    if not webhook_signature_matches(body, signature, secrets):
        raise SignatureRefusedError(SecurityEvent.DELIVERY_UNSIGNED, "wrong")
    if not (body.startswith(b"{") and body.endswith(b"}")):
        reason = "signed_query" if _reads_as_query(body) else "signed_without_object"
        raise SignatureRefusedError(SecurityEvent.DELIVERY_FORGED, reason)


def _reads_as_query(body: bytes) -> bool:
    names = {pair.partition(b"=")[0] for pair in body.split(b"&")}
    return b"shop" in names and not names.isdisjoint((b"timestamp", b"hmac"))


def read_attributes(headers: Headers, path: str) -> Attributes:
    """Raises InvalidInputError or one of its kinds."""
    topic, domain, delivery_id = (
        header(headers, name) for name in (b"topic", b"shop-domain", b"webhook-id")
    )
    _check_present(topic, domain, delivery_id)
    if not is_shop_domain(domain):
        raise InvalidShopDomainError("The shop domain is not a *.myshopify.com name.")
    if _PRINTABLE.fullmatch(topic) is None:
        raise InvalidInputError("The topic is not 1 to 128 printable characters.")
    if _PRINTABLE.fullmatch(delivery_id) is None:
        raise InvalidInputError("The webhook id is not 1 to 128 printable characters.")
    _check_path(path, topic)
    event_id = header(headers, b"event-id")
    traceparent = headers.get(b"traceparent", b"").decode("latin-1")
    return Attributes(
        id=delivery_id,
        shop_domain=domain.lower(),
        topic=topic,
        triggered_at=read_time(header(headers, b"triggered-at")),
        event_id=event_id if _PRINTABLE.fullmatch(event_id) else None,
        traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else None,
    )


def read_time(text: str) -> datetime:
    """The time in `text`; now when there is none, or one that lies ahead."""
    now = utc_now()
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            return now
        return min(time.astimezone(UTC), now)
    except (ValueError, OverflowError):
        return now


def _check_present(topic: str, domain: str, delivery_id: str) -> None:
    if topic and domain and delivery_id:
        return
    given = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": domain,
        "X-Shopify-Webhook-Id": delivery_id,
    }
    missing = [name for name, value in given.items() if not value]
    raise InvalidInputError("A header is missing.", details={"missing": missing})


def _check_path(path: str, topic: str) -> None:
    """The header decides; a path that names another topic is a wrong subscription."""
    named = path.removeprefix(_PREFIX).strip("/")
    if not named or _OTHER_NAMES.get(named, named) == topic:
        return
    if named == _COMPLIANCE_PATH and topic in COMPLIANCE_TOPICS:
        return
    raise TopicMismatchError("The path is that of another topic than X-Shopify-Topic.")
