"""The backing services of one copy: the ones given by URL, else private ones in its folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from libs.ops.broker_access import (
    BrokerAdministration,
    service_urls,
    user_of,
    vhost_of,
    with_user,
)
from libs.ops.children import BackingChild
from libs.ops.errors import BackingServiceError
from libs.ops.postgres import PostgresServer, PrivatePostgres
from libs.ops.programs import named
from libs.ops.rabbitmq import PrivateRabbit, private_broker
from libs.ops.rabbitmq_server import RabbitServer
from libs.ops.roles import role_name


@dataclass(frozen=True, slots=True)
class Broker:
    owner_url: str
    service_urls: Mapping[str, str]
    management_url: str | None


class Database:
    """PostgreSQL; `child` is None where it was given by URL."""

    def __init__(self, data_dir: Path, given: str | None) -> None:
        self._given = given
        self._server: PostgresServer | None = None
        self._private = PrivatePostgres(data_dir)
        self.child = None if given else self._as_child()

    @property
    def owner_url(self) -> str:
        if self._given:
            return self._given
        if self._server is None:
            raise BackingServiceError("PostgreSQL was not started")
        return self._server.owner_url

    def service_urls(self, secrets: Mapping[str, str]) -> dict[str, str]:
        passwords = named(secrets, "database_password")
        return {
            service: with_user(self.owner_url, role_name(service), password)
            for service, password in passwords.items()
        }

    async def _start(self) -> int:
        self._server = await self._private.start()
        return self._server.pid

    def _as_child(self) -> BackingChild:
        return BackingChild("postgres", self._start, self._private.exited, self._private.stop)


class PrivateBroker:
    """RabbitMQ of our own, a container or a node."""

    def __init__(self, rabbit: PrivateRabbit) -> None:
        self._rabbit = rabbit
        self._server: RabbitServer | None = None
        self.child = BackingChild("rabbitmq", self._start, rabbit.exited, rabbit.stop)

    @property
    def broker(self) -> Broker:
        if self._server is None:
            raise BackingServiceError("RabbitMQ was not started")
        return Broker(
            self._server.owner_url, self._server.service_urls, self._server.management_url
        )

    async def _start(self) -> int | None:
        self._server = await self._rabbit.start()
        return self._server.pid


async def make_private_broker(data_dir: Path) -> PrivateBroker:
    return PrivateBroker(await private_broker(data_dir))


async def use_given_broker(
    url: str, management_url: str | None, secrets: Mapping[str, str], say: Callable[[str], None]
) -> Broker:
    """One user per service where the management API lets us; else all share the user given."""
    passwords = named(secrets, "broker_password")
    user, password = user_of(url)
    parts = urlsplit(url)
    address = management_url or f"http://{parts.hostname}:{(parts.port or 5672) + 10_000}"
    async with BrokerAdministration(address, user, password) as administration:
        if await administration.answers():
            await administration.add_service_users(vhost_of(url), passwords)
            return Broker(url, service_urls(url, passwords), address)
    say(
        f"RabbitMQ's management API does not answer at {address} "
        "(RABBITMQ_MANAGEMENT_URL): every service uses the user in AMQP_URL"
    )
    return Broker(url, dict.fromkeys(service_urls(url, passwords), url), None)
