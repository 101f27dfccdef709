"""The replica is read by the same rules as the main database."""

import pytest

from libs.common.errors import ConfigurationError
from services.analytics.settings import AnalyticsSettings

PLAIN = "postgresql://analytics:hidden@db.example/tillstream"
GOOD = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": f"{PLAIN}?sslmode=require",
    "CALLER_PUBLIC_KEYS": "gateway=" + "A" * 43 + "=",
}


@pytest.mark.parametrize("query", ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=allow"])
def test_production_reads_no_replica_without_tls(query):
    with pytest.raises(ConfigurationError) as caught:
        AnalyticsSettings.from_environment(GOOD | {"ANALYTICS_DATABASE_URL": PLAIN + query})
    assert caught.value.context["variables"] == ["ANALYTICS_DATABASE_URL"]


def test_production_needs_no_replica_and_takes_one_with_tls():
    assert AnalyticsSettings.from_environment(GOOD).url_to_read().get_secret_value()
    replica = GOOD | {"ANALYTICS_DATABASE_URL": f"{PLAIN}?sslmode=require"}
    assert AnalyticsSettings.from_environment(replica)
