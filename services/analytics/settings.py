"""Settings of the analytics service."""

from collections.abc import Mapping

from pydantic import Field, SecretStr

from libs.common.database.tls import is_never_plain
from libs.common.settings import DATABASE_WITHOUT_TLS, DatabaseUrl, PublicKeys, ServiceSettings


class AnalyticsSettings(ServiceSettings):
    """`ANALYTICS_DATABASE_URL` names a replica to read from; without it the main one is read."""

    port: int = Field(default=8084, ge=0, le=65535)
    analytics_database_url: DatabaseUrl | None = None
    caller_public_keys: PublicKeys

    def url_to_read(self) -> SecretStr:
        return self.analytics_database_url or self.database_url

    def wrong_in_production(self) -> Mapping[str, str]:
        wrong = dict(super().wrong_in_production())
        replica = self.analytics_database_url
        if replica and not is_never_plain(replica.get_secret_value()):
            wrong["ANALYTICS_DATABASE_URL"] = DATABASE_WITHOUT_TLS
        return wrong
