"""What the webhooks service needs to know before it starts."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr

from libs.common.settings import BrokerUrl, SecretList, ServiceSettings


class WebhooksSettings(ServiceSettings):
    """`webhook_secret` holds older client secrets: during a rotation they may still sign."""

    amqp_url: BrokerUrl
    shopify_api_secret: SecretStr = Field(min_length=1)
    webhook_secret: SecretList = Field(default_factory=list)
    shop_directory_file: Path | None = None

    def client_secrets(self) -> list[str]:
        """Every secret that may have signed a delivery."""
        secrets = [self.shopify_api_secret, *self.webhook_secret]
        return [secret.get_secret_value() for secret in secrets]

    @property
    def is_https(self) -> bool:
        """Shopify calls nothing but https, by way of a proxy; a simulator calls what there is."""
        return self.environment == "production"

    def event_hash_secret(self) -> SecretStr:
        return self.shopify_api_secret

    def wrong_in_production(self) -> Mapping[str, str]:
        wrong = dict(super().wrong_in_production())
        if not self.amqp_url.get_secret_value().startswith("amqps://"):
            wrong["AMQP_URL"] = "must be amqps in production"
        return wrong
