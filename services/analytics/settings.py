"""Settings of the analytics service."""

from pydantic import Field, SecretStr

from libs.common.settings import DatabaseUrl, PublicKeys, ServiceSettings


class AnalyticsSettings(ServiceSettings):
    """`ANALYTICS_DATABASE_URL` names a replica to read from; without it the main one is read."""

    port: int = Field(default=8084, ge=0, le=65535)
    analytics_database_url: DatabaseUrl | None = None
    caller_public_keys: PublicKeys

    def url_to_read(self) -> SecretStr:
        return self.analytics_database_url or self.database_url
