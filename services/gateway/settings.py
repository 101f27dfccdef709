"""Settings of the gateway."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from libs.common.settings import (
    BrokerUrl,
    CallingServiceSettings,
    HttpUrl,
    InternalUrl,
    RedisUrl,
    comma_separated,
    is_guessable,
    is_loopback,
)
from services.gateway.client_address import Network

_DASHBOARD = Path(__file__).resolve().parent / "dashboard/dist"
_DEFAULT_PORTS = {"http": 80, "https": 443}

_Networks = Annotated[list[Network], NoDecode, BeforeValidator(comma_separated)]


def _public_origin(value: str) -> str:
    """The origin as a browser writes it in an Origin header."""
    parts = urlsplit(value)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "*" in parts.hostname:
        raise ValueError("must be an origin that begins with https:// (or http://)")
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be an origin: scheme, host and port, nothing else")
    if parts.scheme == "http" and not is_loopback(value):
        raise ValueError("must be https: http is for a loopback address only")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _public_origins(values: list[str]) -> list[str]:
    return [_public_origin(value.rstrip("/")) for value in values]


_Origins = Annotated[
    list[str], NoDecode, BeforeValidator(comma_separated), AfterValidator(_public_origins)
]


class GatewaySettings(CallingServiceSettings):
    """`session_secret` keys the HMAC under which session tokens are stored."""

    port: int = Field(default=8080, ge=0, le=65535)
    amqp_url: BrokerUrl
    public_url: Annotated[HttpUrl, AfterValidator(_public_origin)]
    oauth_url: InternalUrl
    ingestor_url: InternalUrl
    analytics_url: InternalUrl
    session_secret: SecretStr = Field(min_length=32)
    redis_url: RedisUrl | None = None
    rate_limit_per_minute: int = Field(default=100, ge=1)
    login_limit_per_minute: int = Field(default=10, ge=1)
    session_idle_minutes: int = Field(default=480, ge=5, le=1440)
    trusted_proxies: _Networks = Field(default_factory=list)
    cors_origins: _Origins = Field(default_factory=list)
    dashboard_dir: Path = _DASHBOARD

    @property
    def session_idle_limit(self) -> timedelta:
        return timedelta(minutes=self.session_idle_minutes)

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    def event_hash_secret(self) -> SecretStr:
        return self.session_secret

    def wrong_in_production(self) -> Mapping[str, str]:
        wrong = dict(super().wrong_in_production())
        if not self.is_https:
            wrong["PUBLIC_URL"] = "must be https in production"
        if not self.amqp_url.get_secret_value().startswith("amqps://"):
            wrong["AMQP_URL"] = "must be amqps in production"
        if self.redis_url and not self.redis_url.get_secret_value().startswith("rediss://"):
            wrong["REDIS_URL"] = "must be rediss in production"
        if is_guessable(self.session_secret.get_secret_value()):
            wrong["SESSION_SECRET"] = "must be random in production: see `openssl rand -base64 48`"  # noqa: S105
        return wrong
