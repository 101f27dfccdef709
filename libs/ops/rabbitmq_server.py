"""A running broker as its users see it, and the passwords a data folder keeps for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.ops import keyring
from libs.ops.broker_access import SERVICE_PERMISSIONS

OWNER = "tillstream"


@dataclass(frozen=True, slots=True)
class RabbitServer:
    """`owner_url` may do everything; `service_urls` by service name, least permission each.

    `pid` is None where the broker is a container.
    """

    owner_url: str
    management_url: str
    service_urls: Mapping[str, str]
    pid: int | None


def broker_passwords(folder: Path) -> dict[str, str]:
    names = ("owner", *SERVICE_PERMISSIONS)
    return keyring.stored(folder / "passwords.json", dict.fromkeys(names, keyring.password))
