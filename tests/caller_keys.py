"""Fresh keys with which services sign their calls to each other."""

import base64
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from libs.common.identity import TokenSigner
from libs.common.web.client import CallerAuth

_SERVICES = ("gateway", "oauth", "webhooks", "ingestor", "analytics", "ops")


@dataclass(frozen=True)
class CallerKeys:
    """One key pair a service, as the environment variables carry them."""

    private: dict[str, str] = field(
        default_factory=lambda: {
            name: _text(Ed25519PrivateKey.generate().private_bytes_raw()) for name in _SERVICES
        }
    )

    @property
    def public(self) -> dict[str, str]:
        keys = {}
        for name, private in self.private.items():
            seed = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private))
            keys[name] = _text(seed.public_key().public_bytes_raw())
        return keys

    @property
    def public_list(self) -> str:
        return ",".join(f"{name}={key}" for name, key in self.public.items())

    def signer(self, service: str) -> TokenSigner:
        return TokenSigner(service, SecretStr(self.private[service]))

    def auth(self, service: str, audience: str, tenant_id: UUID | None = None) -> CallerAuth:
        """Signs requests to `audience` as `service` does."""
        return CallerAuth(self.signer(service), audience, tenant_id=tenant_id)


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
