"""`tillstream up`: everything, in the foreground, until it is told to stop."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from libs.ops import processes
from libs.ops.backing import Broker, Database, make_private_broker, use_given_broker
from libs.ops.broker_topology import declare_topology
from libs.ops.children import PROJECT, ProgramChild
from libs.ops.errors import OperationError
from libs.ops.files import private_by_default, private_folder, read_json, write_json
from libs.ops.locks import exclusive
from libs.ops.migrate import migrate
from libs.ops.ports import PortClaims
from libs.ops.programs import (
    DATA_DIR_VARIABLE,
    DEFAULT_PORTS,
    STOP_ORDER,
    Plan,
    check_credentials,
    make_secrets,
    named,
    programs,
)
from libs.ops.reachable import wait_for_broker, wait_for_database
from libs.ops.reload import restart_on_change
from libs.ops.state import State, clear_state, write_state
from libs.ops.supervisor import Supervisor

CDNOW = PROJECT / ".cache/lifetimes/CDNOW_master.txt"
GENERATED_ORDERS = 2_000
ANY_PORT = 0
_OWN_NAMES = frozenset(
    {"logs", "postgres", "rabbitmq", "simulator"}
    | {f"{name}.json" for name in ("ports", "secrets", "secrets-ages", "shop-directory", "state")}
    | {f"{name}.lock" for name in ("up", "postgres", "rabbitmq")}
)
"""What lies in a data folder."""
_LEFTOVER_STEPS = ((signal.SIGTERM, 8.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True, slots=True)
class UpOptions:
    """`environment` is the operator's: DATABASE_URL, AMQP_URL and the app's settings in it."""

    data_dir: Path
    environment: Mapping[str, str]
    with_simulator: bool = False
    shops: tuple[str, ...] = ()
    port: int | None = None
    size: int | None = None
    """The orders of the generated shop."""
    lines: int | None = None
    """The lines of each of them; the simulator's mixture unless given."""
    reload: bool = False


class Up:
    """One running copy. `say` takes lines for people."""

    def __init__(self, options: UpOptions, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._state: State | None = None
        self._supervisor = Supervisor(self._keep_state, say)

    @property
    def state(self) -> State:
        if self._state is None:
            raise OperationError("not started")
        return self._state

    @property
    def pids(self) -> Mapping[str, int]:
        return self._supervisor.pids

    def kill(self, name: str) -> None:
        """Ends a process as a crash would; it starts again without a pause."""
        self._supervisor.kill(name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[State]:
        """Ready inside the block; everything is stopped after it, front doors first."""
        data_dir = self._options.data_dir
        with private_by_default(), exclusive(data_dir, "up"), PortClaims() as claims:
            private_folder(data_dir, _OWN_NAMES)
            (data_dir / "logs").mkdir(exist_ok=True)
            strays = processes.with_variable(DATA_DIR_VARIABLE, str(data_dir))
            await processes.end_strays(strays, _LEFTOVER_STEPS)
            try:
                await self._start(claims)
                yield self.state
            finally:
                self._say("stopping")
                await self._supervisor.stop(STOP_ORDER)
                clear_state(data_dir)

    async def keep(self) -> None:
        """Until something cannot be kept running."""
        if not self._options.reload:
            await self._supervisor.run()
            return
        reloading = restart_on_change(PROJECT, lambda: self.pids, self._supervisor.restart)
        watcher = asyncio.create_task(reloading)
        try:
            await self._supervisor.run()
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)

    async def _start(self, claims: PortClaims) -> None:
        options = self._options
        if not options.with_simulator:
            check_credentials(options.environment)
        secrets = make_secrets(options.data_dir)
        arguments = _simulator_arguments(options)
        ports = _choose_ports(options, claims)
        database, broker = await self._start_backing(secrets)
        self._say("applying migrations")
        await migrate(database.owner_url, named(secrets, "database_password"))
        await declare_topology(broker.owner_url)
        plan = Plan(
            data_dir=options.data_dir,
            secrets=secrets,
            ports=ports,
            database_urls=database.service_urls(secrets),
            broker_urls=broker.service_urls,
            environment=options.environment,
            simulated=options.with_simulator,
            simulator_arguments=arguments,
        )
        self._state = _state(plan, database.owner_url, broker)
        self._say("starting the services")
        logs = options.data_dir / "logs"
        await self._supervisor.start([ProgramChild(item, logs) for item in programs(plan)])
        self._keep_state(self._supervisor.pids)

    async def _start_backing(self, secrets: Mapping[str, str]) -> tuple[Database, Broker]:
        options = self._options
        database = Database(options.data_dir, options.environment.get("DATABASE_URL"))
        private = [database.child] if database.child else []
        if database.child is None:
            await wait_for_database(database.owner_url, self._say)
        if given := options.environment.get("AMQP_URL"):
            await wait_for_broker(given, self._say)
            await self._supervisor.start(private)
            management = options.environment.get("RABBITMQ_MANAGEMENT_URL")
            return database, await use_given_broker(given, management, secrets, self._say)
        self._say("starting the backing services")
        rabbit = await make_private_broker(options.data_dir)
        await self._supervisor.start([*private, rabbit.child])
        return database, rabbit.broker

    def _keep_state(self, pids: Mapping[str, int]) -> None:
        if self._state is not None:
            self._state = self._state.with_pids(pids)
            write_state(self._options.data_dir, self._state)


def _state(plan: Plan, database_url: str, broker: Broker) -> State:
    return State(
        gateway=plan.public_url,
        webhooks=plan.webhooks_url,
        database_url=database_url,
        amqp_url=broker.owner_url,
        management_url=broker.management_url,
        oauth=plan.url("oauth"),
        ingestor=plan.url("ingestor-pulls"),
        analytics=plan.url("analytics"),
        simulator=plan.url("simulator") if plan.simulated else None,
        shopify_api_secret=plan.secrets["shopify_api_secret"] if plan.simulated else None,
    )


def _choose_ports(options: UpOptions, claims: PortClaims) -> dict[str, int]:
    """The ports of the last run where they are free: a shop's subscriptions name one of them."""
    path = options.data_dir / "ports.json"
    kept = read_json(path)
    preferred = {**DEFAULT_PORTS, **kept}
    ports: dict[str, int] = {}
    if options.port:
        if not claims.take(options.port):
            raise OperationError(f"port {options.port} is taken; choose another with --port")
        ports["gateway"] = options.port
    elif options.port == ANY_PORT and "gateway" not in kept:
        del preferred["gateway"]
    ports |= claims.take_all([name for name in DEFAULT_PORTS if name not in ports], preferred)
    write_json(path, ports)
    return ports


def _simulator_arguments(options: UpOptions) -> tuple[str, ...]:
    if not options.with_simulator:
        if options.shops:
            raise OperationError("--shop is for the simulator: add --with-simulator")
        if options.size is not None:
            raise OperationError("--size is for the simulator: add --with-simulator")
        return ()
    arguments = ["--generated", "--size", str(options.size or GENERATED_ORDERS)]
    if options.lines is not None:
        arguments += ["--lines", str(options.lines)]
    if CDNOW.exists():
        arguments += ["--cdnow", str(CDNOW)]
    for shop in options.shops:
        domain, separator, rest = shop.partition("=")
        name, comma, details = rest.partition(",")
        file = Path(name).expanduser().resolve()
        if not separator or not file.is_file():
            raise OperationError(f"--shop {shop}: DOMAIN=FILE with a file that exists is wanted")
        arguments += ["--shop", f"{domain}={file}{comma}{details}"]
    return tuple(arguments)


async def serve(options: UpOptions, say: Callable[[str], None]) -> None:
    """Prints one line when all is ready, which holds no secret: those are in the state file.

    Runs until SIGINT or SIGTERM, then stops in order; a second signal kills."""
    up = Up(options, say)
    async with stopped_by_signals(lambda: up.pids), up.running() as state:
        print(json.dumps(state.announced()), flush=True)
        await up.keep()


@asynccontextmanager
async def stopped_by_signals(pids: Callable[[], Mapping[str, int]]) -> AsyncIterator[None]:
    """The first SIGINT or SIGTERM ends the block in order; the next one kills what is left."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    asked = False

    def on_signal() -> None:
        nonlocal asked
        if asked:
            for pid in pids().values():
                os.kill(pid, signal.SIGKILL)
            os._exit(130)
        asked = True
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    except asyncio.CancelledError:
        if not asked:
            raise
