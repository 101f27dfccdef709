"""Shopify's two signatures: of a webhook's bytes, and of a query string.

Both are HMAC-SHA256 keyed with the app's client secret; during a rotation the older
secret still signs, so every accepted secret is tried.
Source: shopify.dev, "Verify webhook deliveries" and "Authorization code grant".
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

_SHOP_DOMAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-]*\.myshopify\.com", re.ASCII)
_LONGEST_DOMAIN = 253


def is_shop_domain(domain: str) -> bool:
    """Whether all of `domain` is a `*.myshopify.com` name; a trailing newline is not."""
    return len(domain) <= _LONGEST_DOMAIN and _SHOP_DOMAIN.fullmatch(domain) is not None


def webhook_signature_matches(body: bytes, signature: bytes, secrets: Iterable[str]) -> bool:
    """Whether `signature` (the header's bytes) is that of `body` as it was received."""
    return any(
        hmac.compare_digest(
            base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)), signature
        )
        for secret in secrets
    )


def query_signature_matches(parameters: Mapping[str, str], secrets: Iterable[str]) -> bool:
    """Whether `parameters["hmac"]` (lower-case hex) signs the others."""
    message = _canonical_query(parameters).encode()
    given = parameters.get("hmac", "").encode()
    return any(
        hmac.compare_digest(
            hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode(), given
        )
        for secret in secrets
    )


def _canonical_query(parameters: Mapping[str, str]) -> str:
    items = sorted(
        (key, value) for key, value in parameters.items() if key not in ("hmac", "signature")
    )
    return urlencode(items, quote_via=quote, safe="*-._").replace("~", "%7E")
