"""Who may do what at the broker: the one table of RabbitMQ users and their permissions.

Least permission per service. `migrate` declares the topology as the owner, so a service
configures nothing; only the gateway makes queues, its own exclusive ones. Binding a queue needs
write on the queue and read on the exchange. Nobody may write to `amq.default`, by which every
queue can be reached: what a service carries on goes by `retry.<service>`, bound to its own queues.
On a topic exchange the routing key is restricted too, since it is the type of the message.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote, urlsplit

import httpx

from libs.common.messaging.topology import EVENTS, HINTS
from libs.ops.errors import BackingServiceError
from libs.ops.roles import SERVICES

_NOTHING = "^$"


TOPIC_EXCHANGES = (EVENTS, HINTS)


@dataclass(frozen=True, slots=True)
class TopicPermissions:
    """Regular expressions over routing keys: what may be published, and bound."""

    write: str = _NOTHING
    read: str = _NOTHING


@dataclass(frozen=True, slots=True)
class Permissions:
    """Regular expressions over the names of exchanges and queues.

    `topics` by topic exchange; where it names none, no routing key is allowed there.
    """

    configure: str
    write: str
    read: str
    topics: Mapping[str, TopicPermissions] = field(default_factory=dict)


SERVICE_PERMISSIONS: Mapping[str, Permissions] = {
    "webhooks": Permissions(_NOTHING, "^(deliveries|health)$", _NOTHING),
    "oauth": Permissions(
        _NOTHING,
        r"^(events|retry\.oauth)$",
        r"^deliveries\.tenancy$",
        {EVENTS: TopicPermissions(write=r"^tenant\.[a-z_]+\.v[0-9]+$")},
    ),
    "ingestor": Permissions(
        _NOTHING,
        r"^(hints|retry\.ingestor)$",
        r"^(deliveries\.store|events\.ingestor|dead)$",
        {HINTS: TopicPermissions(write=r"^(store|pull)\.[a-z_]+\.v[0-9]+$")},
    ),
    "gateway": Permissions(
        r"^gateway\.hints\..*$",
        r"^(gateway\.hints\..*|retry\.gateway)$",
        r"^(gateway\.hints\..*|hints|events\.gateway)$",
        {HINTS: TopicPermissions(read="^#$")},
    ),
}


class BrokerAdministration:
    """The management API of one broker, as its owner."""

    def __init__(self, management_url: str, user: str, password: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=management_url, auth=(user, password), timeout=10, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def answers(self) -> bool:
        try:
            answer = await self._http.get("/api/whoami")
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    async def add_service_users(self, vhost: str, passwords: Mapping[str, str]) -> None:
        """Makes or updates one user per service; `passwords` by service name.

        What such a user, or one of a service without a part here, could do beyond it is taken
        back.
        """
        services = [service for service in SERVICE_PERMISSIONS if service in passwords]
        for service in services:
            user = quote(user_name(service), safe="")
            await self._put(f"/api/users/{user}", password=passwords[service], tags="")
        await self.permit_services(vhost, services)
        await self._take_back(vhost)

    async def permit_services(self, vhost: str, services: Iterable[str]) -> None:
        """Lets users that are there already do their part on `vhost`, and no more."""
        for service in services:
            permissions = SERVICE_PERMISSIONS[service]
            place = f"{quote(vhost, safe='')}/{quote(user_name(service), safe='')}"
            # First the routing keys: without a rule for them all are allowed.
            for exchange in TOPIC_EXCHANGES:
                topics = permissions.topics.get(exchange, TopicPermissions())
                await self._put(
                    f"/api/topic-permissions/{place}",
                    exchange=exchange,
                    write=topics.write,
                    read=topics.read,
                )
            await self._put(
                f"/api/permissions/{place}",
                configure=permissions.configure,
                write=permissions.write,
                read=permissions.read,
            )

    async def _take_back(self, vhost: str) -> None:
        """Leave nothing on `vhost` to services that have no part in it."""
        place = quote(vhost, safe="")
        without_part = {user_name(name) for name in SERVICES if name not in SERVICE_PERMISSIONS}
        answer = await self._http.get(f"/api/vhosts/{place}/permissions")
        for granted in answer.raise_for_status().json():
            if granted["user"] in without_part:
                path = f"/api/permissions/{place}/{quote(granted['user'], safe='')}"
                (await self._http.delete(path)).raise_for_status()

    async def add_vhost(self, vhost: str, owner: str) -> None:
        """Makes a virtual host that `owner` has to itself."""
        await self._put(f"/api/vhosts/{quote(vhost, safe='')}")
        await self._put(
            f"/api/permissions/{quote(vhost, safe='')}/{quote(owner, safe='')}",
            **dict.fromkeys(("configure", "write", "read"), ".*"),
        )

    async def vhosts(self) -> list[str]:
        answer = await self._http.get("/api/vhosts", params={"columns": "name"})
        return [str(vhost["name"]) for vhost in answer.raise_for_status().json()]

    async def remove_vhost(self, vhost: str) -> None:
        await self._http.delete(f"/api/vhosts/{quote(vhost, safe='')}")

    async def _put(self, path: str, **body: str) -> None:
        answer = await self._http.put(path, json=body)
        if not answer.is_success:
            raise BackingServiceError(
                f"RabbitMQ's management API refused PUT {path} ({answer.status_code}); "
                "the user in AMQP_URL needs the tag administrator"
            )


async def make_broker_users(
    owner_url: str, management_url: str, passwords: Mapping[str, str]
) -> None:
    """One user per service on the virtual host of `owner_url`, with its permissions.

    Raises BackingServiceError when the management API does not let the owner do so.
    """
    user, password = user_of(owner_url)
    async with BrokerAdministration(management_url, user, password) as administration:
        if not await administration.answers():
            raise BackingServiceError(
                "RabbitMQ's management API (RABBITMQ_MANAGEMENT_URL) does not answer, "
                "or refuses the user in AMQP_URL"
            )
        await administration.add_service_users(vhost_of(owner_url), passwords)


def user_name(service: str) -> str:
    return f"tillstream_{service}"


def service_urls(owner_url: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """The broker's URL as each service's own user."""
    return {
        service: with_user(owner_url, user_name(service), passwords[service])
        for service in SERVICE_PERMISSIONS
    }


def with_user(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    userinfo = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{userinfo}@{place}").geturl()


def user_of(url: str) -> tuple[str, str]:
    """The user and password in a URL; guest where it names none, as the protocol has it."""
    parts = urlsplit(url)
    return unquote(parts.username or "guest"), unquote(parts.password or "guest")


def with_vhost(url: str, vhost: str) -> str:
    return urlsplit(url)._replace(path="/" + quote(vhost, safe="")).geturl()


def vhost_of(url: str) -> str:
    path = urlsplit(url).path
    return unquote(path[1:]) if len(path) > 1 else "/"
