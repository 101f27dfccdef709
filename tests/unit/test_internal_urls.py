"""In production no service speaks to another in the clear, unless a mesh is said to encrypt it."""

import secrets
from pathlib import Path
from typing import get_args

import pytest

from libs.common.errors import ConfigurationError
from libs.common.settings import CallingServiceSettings, InternalUrl, ServiceSettings
from services.gateway.settings import GatewaySettings
from services.ingestor.settings import IngestorSettings
from tests.caller_keys import CallerKeys
from tests.contracts.test_settings_table import CLASSES

KEYS = CallerKeys()
INTERNAL = {
    GatewaySettings: ("OAUTH_URL", "INGESTOR_URL", "ANALYTICS_URL"),
    IngestorSettings: ("OAUTH_URL",),
}
CASES = [(one, name) for one, names in INTERNAL.items() for name in names]


def _environment(one: type[ServiceSettings], **changes: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": "production",
        "PORT": "8080",
        "DATABASE_URL": "postgresql://role:secret@db/tillstream?sslmode=require",
        "AMQP_URL": "amqps://role:secret@broker/",
        "PUBLIC_URL": "https://till.example",
        "WEBHOOKS_URL": "https://hooks.example",
        "SESSION_SECRET": secrets.token_urlsafe(36),
        "CALLER_PRIVATE_KEY": KEYS.private["gateway"],
        "CALLER_PUBLIC_KEYS": KEYS.public_list,
        **dict.fromkeys(INTERNAL[one], "https://inside.example:8443"),
        **changes,
    }


@pytest.mark.parametrize(("one", "name"), CASES)
def test_production_refuses_each_internal_url_that_is_in_the_clear(
    one: type[ServiceSettings], name: str
):
    with pytest.raises(ConfigurationError) as refused:
        one.from_environment(_environment(one, **{name: "http://oauth:8081"}))
    assert refused.value.context["variables"] == [name]


@pytest.mark.parametrize(("one", "name"), CASES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"INTERNAL_TLS": "mesh", "URL": "http://oauth:8081"},
        {"URL": "http://127.0.0.1:15001"},
        {"ENVIRONMENT": "development", "URL": "http://oauth:8081"},
    ],
)
def test_https_a_mesh_and_the_machine_itself_are_taken(
    one: type[ServiceSettings], name: str, changes: dict[str, str]
):
    more = {name if key == "URL" else key: value for key, value in changes.items()}
    assert one.from_environment(_environment(one, **more))


@pytest.mark.parametrize(("one", "name"), CASES)
@pytest.mark.parametrize("url", ["https://inside/oauth", "https://a@inside", "inside:8081"])
def test_an_internal_url_is_an_origin(one: type[ServiceSettings], name: str, url: str):
    with pytest.raises(ConfigurationError) as refused:
        one.from_environment(_environment(one, **{name: url}))
    assert refused.value.context["variables"] == [name]


def test_the_mesh_is_declared_in_one_word_and_the_authority_by_a_file_that_is_there(
    tmp_path: Path,
):
    for changes in ({"INTERNAL_TLS": "none"}, {"INTERNAL_CA_FILE": str(tmp_path / "gone.pem")}):
        with pytest.raises(ConfigurationError) as refused:
            IngestorSettings.from_environment(_environment(IngestorSettings, **changes))
        assert refused.value.context["variables"] == list(changes)


def test_every_address_of_another_service_is_known_as_one():
    """A new setting that leads inside is caught here before it is forgotten above."""
    for one in CLASSES.values():
        named = {
            name.upper()
            for name, field in one.model_fields.items()
            if get_args(InternalUrl)[-1] in field.metadata
        }
        services = {f"{other.upper()}_URL" for other in ("oauth", "ingestor", "analytics")}
        fields = {name.upper() for name in one.model_fields}
        assert named == services & fields
        assert not named or issubclass(one, CallingServiceSettings)
