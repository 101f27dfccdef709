"""What the oauth service needs to know before it starts."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from annotated_types import MinLen
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from libs.common.settings import (
    BrokerUrl,
    HttpUrl,
    PublicKeys,
    SecretKey,
    SecretList,
    ServiceSettings,
    is_loopback,
)

_SCOPES = (
    *("read_orders", "read_all_orders", "read_customers", "read_products"),
    *("read_inventory", "read_locations", "read_discounts", "read_draft_orders"),
)
_MAX_HOURS = 25 * 24
"""What Shopify asks to be erased must be gone within 30 days."""
_MIN_HOURS_IN_PRODUCTION = 24
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)


def _named_keys(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    keys = {}
    for item in filter(None, (part.strip() for part in value.split(","))):
        name, separator, key = item.partition(":")
        if not separator or _KEY_ID.fullmatch(name) is None:
            raise ValueError("must be KEYID:BASE64 pairs, separated by commas")
        if name in keys:
            raise ValueError("names a key twice")
        keys[name] = key
    if not keys:
        raise ValueError("must hold at least one key")
    return keys


def _with_shop(value: str) -> str:
    if "{shop}" not in value:
        raise ValueError("must hold {shop}, where the shop's domain goes")
    return value


def _handles(value: Any) -> Any:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.path or parts.query or parts.fragment:
        raise ValueError("must be an origin: scheme, host and port")
    if not value.startswith("https://") and not is_loopback(value):
        raise ValueError("must be https: http is for a loopback address only")
    return value


EncryptionKeys = Annotated[dict[str, SecretKey], NoDecode, BeforeValidator(_named_keys)]
"""Key id to key, in the order given: the first encrypts, all decrypt."""

ShopUrl = Annotated[HttpUrl, AfterValidator(_with_shop)]
Scopes = Annotated[list[str], NoDecode, BeforeValidator(_handles), MinLen(1)]


class OauthSettings(ServiceSettings):
    """`webhook_secret` holds older client secrets: during a rotation they may still sign."""

    amqp_url: BrokerUrl
    public_url: Annotated[HttpUrl, AfterValidator(_origin)]
    shopify_api_key: str = Field(min_length=1)
    shopify_api_secret: SecretStr = Field(min_length=1)
    webhook_secret: SecretList = Field(default_factory=list)
    shopify_api_url: ShopUrl = "https://{shop}"
    shopify_authorize_url: ShopUrl = "https://{shop}/admin/oauth/authorize"
    scopes: Scopes = Field(default_factory=lambda: list(_SCOPES))
    encryption_key: EncryptionKeys
    caller_private_key: SecretKey
    caller_public_keys: PublicKeys
    erasure_grace_hours: float = Field(24, ge=0, le=_MAX_HOURS)
    redact_min_age_hours: float = Field(47, ge=0, le=_MAX_HOURS)
    max_departures_per_hour: int = Field(20, ge=1)

    def client_secrets(self) -> list[str]:
        """Every secret that may have signed a callback."""
        secrets = [self.shopify_api_secret, *self.webhook_secret]
        return [secret.get_secret_value() for secret in secrets]

    def event_hash_secret(self) -> SecretStr:
        return self.shopify_api_secret

    def wrong_in_production(self) -> Mapping[str, str]:
        wrong = dict(super().wrong_in_production())
        for name in ("public_url", "shopify_api_url", "shopify_authorize_url"):
            if not getattr(self, name).startswith("https://"):
                wrong[name.upper()] = "must be https in production"
        for name in ("erasure_grace_hours", "redact_min_age_hours"):
            if getattr(self, name) < _MIN_HOURS_IN_PRODUCTION:
                wrong[name.upper()] = f"must be {_MIN_HOURS_IN_PRODUCTION} or more in production"
        if not self.amqp_url.get_secret_value().startswith("amqps://"):
            wrong["AMQP_URL"] = "must be amqps in production"
        return wrong
