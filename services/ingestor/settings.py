"""What the ingestor needs to know before it starts, in either role."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from libs.common.settings import BrokerUrl, CallingServiceSettings, HttpUrl, InternalUrl


def _with_shop(value: str) -> str:
    if "{shop}" not in value:
        raise ValueError("must hold {shop}, where the shop's domain goes")
    return value


ShopUrl = Annotated[HttpUrl, AfterValidator(_with_shop)]


class IngestorSettings(CallingServiceSettings):
    """`webhooks_url` is the webhooks service as Shopify reaches it."""

    amqp_url: BrokerUrl
    oauth_url: InternalUrl
    webhooks_url: HttpUrl
    shopify_api_url: ShopUrl = "https://{shop}"
    shopify_api_version: str = Field(default="2026-10", pattern=r"^(\d{4}-\d{2}|unstable)$")

    def wrong_in_production(self) -> Mapping[str, str]:
        wrong = dict(super().wrong_in_production())
        for name in ("webhooks_url", "shopify_api_url"):
            if not getattr(self, name).startswith("https://"):
                wrong[name.upper()] = "must be https in production"
        if not self.amqp_url.get_secret_value().startswith("amqps://"):
            wrong["AMQP_URL"] = "must be amqps in production"
        return wrong
