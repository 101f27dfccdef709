"""RabbitMQ as a container, with its data in a volume named after the data folder."""

import asyncio
import hashlib
import time
from pathlib import Path

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException, NotFound  # type: ignore[import-untyped]
from testcontainers.core.container import DockerContainer

from libs.ops.broker_access import BrokerAdministration, service_urls
from libs.ops.errors import BackingServiceError
from libs.ops.rabbitmq_server import OWNER, RabbitServer, broker_passwords

_IMAGE = "rabbitmq:4-management"
_AMQP, _MANAGEMENT = 5672, 15672
_START_SECONDS = 120
_POLL_SECONDS = 2


def engine_answers() -> bool:
    try:
        return bool(docker.from_env(timeout=2).ping())
    except DockerException:
        return False


class ContainerRabbit:
    """One container of one data folder; the caller holds the folder's lock."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = (data_dir / "rabbitmq").resolve()
        key = hashlib.sha256(str(self._folder).encode()).hexdigest()[:12]
        self._name = f"tillstream-rabbitmq-{key}"
        self._container: DockerContainer | None = None

    async def start(self) -> RabbitServer:
        """Accepts connections and knows its users on return."""
        secrets = broker_passwords(self._folder)
        try:
            host, amqp, management = await asyncio.to_thread(self._run, secrets["owner"])
        except DockerException as error:
            raise BackingServiceError(f"Docker could not run {_IMAGE}: {error}") from error
        management_url = f"http://{host}:{management}"
        async with BrokerAdministration(management_url, OWNER, secrets["owner"]) as broker:
            deadline = asyncio.get_running_loop().time() + _START_SECONDS
            while not await broker.answers():
                if asyncio.get_running_loop().time() > deadline:
                    raise BackingServiceError(f"the container {self._name} does not answer")
                await asyncio.sleep(0.5)
            await broker.add_service_users("/", secrets)
        owner_url = f"amqp://{OWNER}:{secrets['owner']}@{host}:{amqp}/"
        return RabbitServer(owner_url, management_url, service_urls(owner_url, secrets), None)

    async def exited(self) -> int:
        """Waits until the container has ended by itself."""
        return await asyncio.to_thread(self._wait)

    async def stop(self) -> None:
        if self._container is not None:
            await asyncio.to_thread(self._container.stop, delete_volume=False)
            self._container = None

    def _run(self, password: str) -> tuple[str, int, int]:
        self._remove_leftover()
        self._container = (
            DockerContainer(_IMAGE)
            .with_name(self._name)
            .with_kwargs(hostname="tillstream")  # the node's name, and so its data, stay the same
            .with_exposed_ports(_AMQP, _MANAGEMENT)
            .with_volume_mapping(self._name, "/var/lib/rabbitmq", "rw")
            .with_env("RABBITMQ_DEFAULT_USER", OWNER)
            .with_env("RABBITMQ_DEFAULT_PASS", password)
        )
        self._container.start()
        host = self._container.get_container_host_ip()
        ports = (self._container.get_exposed_port(port) for port in (_AMQP, _MANAGEMENT))
        amqp, management = ports
        return host, int(amqp), int(management)

    def _remove_leftover(self) -> None:
        try:
            docker.from_env().containers.get(self._name).remove(force=True)
        except NotFound:
            return

    def _wait(self) -> int:
        while self._container is not None:
            wrapped = self._container.get_wrapped_container()
            try:
                wrapped.reload()
            except NotFound:
                break
            if wrapped.status != "running":
                break
            time.sleep(_POLL_SECONDS)
        return 1
