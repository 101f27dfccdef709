"""A private RabbitMQ node from the installed package, on private ports with a private epmd.

Both processes are our children and end when we do; what a crash leaves all the same is found
again by the data folder in its environment.
"""

import asyncio
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.ops import processes
from libs.ops.broker_access import BrokerAdministration, service_urls
from libs.ops.debian import find_rabbitmq
from libs.ops.errors import BackingServiceError
from libs.ops.files import PRIVATE, read_json, write_json
from libs.ops.ports import LOOPBACK, free_ports
from libs.ops.rabbitmq_server import OWNER, RabbitServer, broker_passwords

_PORTS = ("amqp", "management", "distribution", "epmd")
_PLUGINS = "[rabbitmq_management].\n"
_START_SECONDS = 90
_START_ATTEMPTS = 2
_POLL_SECONDS = 0.2
_STOP_STEPS = ((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0))
_ERLANG_ARGUMENTS = "-kernel inet_dist_use_interface {127,0,0,1}"


@dataclass(frozen=True, slots=True)
class NodeFiles:
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "rabbitmq.log"

    @property
    def settings(self) -> Path:
        return self.folder / "etc"


class NodeRabbit:
    """One node of one data folder; the caller holds the folder's lock."""

    def __init__(self, data_dir: Path) -> None:
        self._files = NodeFiles((data_dir / "rabbitmq").resolve())
        self._node: Process | None = None
        self._epmd: Process | None = None

    async def start(self) -> RabbitServer:
        """Accepts connections and knows its users on return. Leftovers are ended first."""
        files = self._files
        server = await asyncio.to_thread(find_rabbitmq)
        secrets = broker_passwords(files.folder)
        await self._end_leftovers()
        preferred: dict[str, int] = read_json(files.folder / "ports.json")
        for _ in range(_START_ATTEMPTS):
            ports = free_ports(_PORTS, preferred)
            _write_configuration(files, ports, secrets["owner"])
            await self._launch(server, ports)
            management_url = f"http://{LOOPBACK}:{ports['management']}"
            async with BrokerAdministration(management_url, OWNER, secrets["owner"]) as broker:
                if await self._answers(broker, ports["amqp"]):
                    await broker.add_service_users("/", secrets)
                    write_json(files.folder / "ports.json", ports)
                    return self._server(secrets, ports["amqp"], management_url)
            await self.stop()
            preferred = {}  # somebody may have taken a port between the look and the bind
        raise BackingServiceError(
            f"RabbitMQ did not start; the end of {files.log}:\n{processes.tail(files.log)}"
        )

    async def exited(self) -> int:
        """Waits until the node has ended by itself; its exit status."""
        return await self._running().wait()

    async def stop(self) -> None:
        """Ends the node, then its epmd, which would outlive it."""
        for process in (self._node, self._epmd):
            if process is not None:
                await processes.stop(process, _STOP_STEPS)
        self._node = self._epmd = None
        await self._end_leftovers()

    def _running(self) -> Process:
        if self._node is None:
            raise BackingServiceError("RabbitMQ was not started")
        return self._node

    async def _launch(self, server: Path, ports: Mapping[str, int]) -> None:
        environment = _environment(self._files, ports)
        epmd = shutil.which("epmd")
        if epmd is not None:
            # Started here rather than by the node, so that it is a child that ends with us.
            self._epmd = await processes.spawn(
                [epmd, "-address", LOOPBACK, "-port", str(ports["epmd"])],
                environment=environment,
                log=self._files.log,
            )
        self._node = await processes.spawn(
            [server], environment=environment, log=self._files.log, folder=self._files.folder
        )

    async def _answers(self, broker: BrokerAdministration, amqp_port: int) -> bool:
        node = self._running()
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while node.returncode is None and asyncio.get_running_loop().time() < deadline:
            if await broker.answers() and await _accepts(amqp_port):
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _end_leftovers(self) -> None:
        strays = processes.with_variable("RABBITMQ_BASE", str(self._files.folder))
        await processes.end_strays(strays, _STOP_STEPS)
        (self._files.folder / "pid").unlink(missing_ok=True)

    def _server(
        self, secrets: Mapping[str, str], amqp_port: int, management_url: str
    ) -> RabbitServer:
        owner_url = f"amqp://{OWNER}:{secrets['owner']}@{LOOPBACK}:{amqp_port}/"
        urls = service_urls(owner_url, secrets)
        return RabbitServer(owner_url, management_url, urls, self._running().pid)


async def _accepts(port: int) -> bool:
    """The AMQP listener is the last thing a booting node opens."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def _write_configuration(files: NodeFiles, ports: Mapping[str, int], password: str) -> None:
    for folder in ("home", "log", "mnesia", "etc"):
        (files.folder / folder).mkdir(parents=True, exist_ok=True)
    (files.settings / "rabbitmq-env.conf").touch()
    (files.settings / "enabled_plugins").write_text(_PLUGINS)
    configuration = files.settings / "rabbitmq.conf"
    configuration.touch(mode=PRIVATE)
    # The default user takes the place of guest, which is then never made.
    configuration.write_text(
        f"""\
listeners.tcp.default = {LOOPBACK}:{ports["amqp"]}
management.tcp.ip = {LOOPBACK}
management.tcp.port = {ports["management"]}
default_user = {OWNER}
default_pass = {password}
default_user_tags.administrator = true
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 500MB
"""
    )


def _environment(files: NodeFiles, ports: Mapping[str, int]) -> dict[str, str]:
    """All of a node's places and ports, and nothing of ours. HOME holds the Erlang cookie."""
    base, settings = files.folder, files.settings
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(base / "home"),
        "RABBITMQ_BASE": str(base),
        "RABBITMQ_MNESIA_BASE": str(base / "mnesia"),
        "RABBITMQ_LOG_BASE": str(base / "log"),
        "RABBITMQ_PID_FILE": str(base / "pid"),
        "RABBITMQ_CONF_ENV_FILE": str(settings / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(settings / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(settings / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(settings / "enabled_plugins"),
        "RABBITMQ_NODENAME": "tillstream@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
        "RABBITMQ_NODE_PORT": str(ports["amqp"]),
        "RABBITMQ_DIST_PORT": str(ports["distribution"]),
        "ERL_EPMD_PORT": str(ports["epmd"]),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG_ARGUMENTS,
        # The start script then becomes the node instead of a shell in front of it: the process
        # we started is the one that gets our signals.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
