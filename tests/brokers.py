"""Fresh virtual hosts for tests, with the topology and the services' users in them."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

from libs.ops.broker_access import (
    SERVICE_PERMISSIONS,
    BrokerAdministration,
    service_urls,
    user_of,
    vhost_of,
    with_vhost,
)
from libs.ops.broker_topology import declare_topology
from tests.keeper import TEST_PREFIX

_PASSWORDS = dict.fromkeys(SERVICE_PERMISSIONS, "only-for-tests")


@dataclass(frozen=True, slots=True)
class Broker:
    """A virtual host of its own. `url` is the owner's."""

    url: str
    management_url: str
    vhost: str

    def url_for(self, service: str) -> str:
        """As the service itself connects, with its permissions and no more."""
        return service_urls(self.url, _PASSWORDS)[service]


async def make_users(server: Mapping[str, str]) -> None:
    """The services' users: virtual hosts have them in common."""
    user, password = user_of(server["url"])
    async with BrokerAdministration(server["management_url"], user, password) as administration:
        await administration.add_service_users(vhost_of(server["url"]), _PASSWORDS)


async def create(server: Mapping[str, str], *, topology: bool = True) -> Broker:
    vhost = f"{TEST_PREFIX}{uuid4().hex}"
    user, password = user_of(server["url"])
    async with BrokerAdministration(server["management_url"], user, password) as administration:
        await administration.add_vhost(vhost, user)
        await administration.permit_services(vhost, SERVICE_PERMISSIONS)
    broker = Broker(with_vhost(server["url"], vhost), server["management_url"], vhost)
    if topology:
        await declare_topology(broker.url)
    return broker


async def remove(server: Mapping[str, str], broker: Broker) -> None:
    user, password = user_of(server["url"])
    async with BrokerAdministration(server["management_url"], user, password) as administration:
        await administration.remove_vhost(broker.vhost)


def management_url(amqp_url: str) -> str:
    """Where the management API of a broker usually listens."""
    parts = urlsplit(amqp_url)
    host, port = parts.hostname or "localhost", parts.port or 5672
    # 5672 and 15672; a high port has no room for that, and then the next port is the habit.
    for candidate in (port + 10_000, port + 1) if port < 50_000 else (port + 1,):
        with socket.socket() as probe:
            if probe.connect_ex((host, candidate)) == 0:
                return f"http://{host}:{candidate}"
    raise RuntimeError("no management API found: set TILLSTREAM_TEST_MANAGEMENT_URL")
