"""The table of settings names exactly what the services read."""

import re

import pytest

from libs.common.settings import ServiceSettings
from services.analytics.settings import AnalyticsSettings
from services.gateway.settings import GatewaySettings
from services.ingestor.settings import IngestorSettings
from services.oauth.settings import OauthSettings
from services.webhooks.settings import WebhooksSettings
from tests.keeper import ROOT

CLASSES = {
    "gateway": GatewaySettings,
    "oauth": OauthSettings,
    "webhooks": WebhooksSettings,
    "ingestor": IngestorSettings,
    "analytics": AnalyticsSettings,
}
ROW = re.compile(r"^\| `([A-Z_]+)` \| ([a-z, ]+) \|", re.MULTILINE)


def _read_by(described: str) -> set[str]:
    if described == "all":
        return set(CLASSES)
    if described.startswith("all but "):
        return set(CLASSES) - {described.removeprefix("all but ")}
    return set(described.split(", "))


@pytest.fixture(scope="module")
def table() -> dict[str, set[str]]:
    text = (ROOT / "docs/settings.md").read_text()
    return {name: _read_by(described) for name, described in ROW.findall(text)}


@pytest.mark.parametrize("service", CLASSES)
def test_a_service_reads_what_the_table_says(table, service):
    described = {name for name, services in table.items() if service in services}
    assert described == {name.upper() for name in CLASSES[service].model_fields}


def test_every_service_shares_the_common_settings():
    assert all(issubclass(one, ServiceSettings) for one in CLASSES.values())
