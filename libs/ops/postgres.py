"""A private PostgreSQL 18 in a data folder: started, found again after a crash, stopped.

It listens on the loopback address only, asks everyone for a password (SCRAM) and syncs to disk.
"""

import asyncio
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from libs.ops import keyring, processes
from libs.ops.errors import BackingServiceError
from libs.ops.files import read_json, write_json
from libs.ops.locks import exclusive
from libs.ops.ports import LOOPBACK, free_port
from libs.ops.postgres_files import PostgresFiles, adopt, locate, with_a_name

OWNER = "tillstream"
DATABASE = "tillstream"
_SUPERUSER = "postgres"
_START_SECONDS = 60
_START_ATTEMPTS = 3
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Fast shutdown, then immediate: both are safe, the second recovers at the next start.
_STOP_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
# What is left without a postmaster has nothing to save.
_ORPHAN_STEPS = ((signal.SIGQUIT, 2.0), (signal.SIGKILL, 5.0))
_NOT_YET = (
    ConnectionError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """`owner_url` is the project's own database; `admin_url` the superuser's."""

    owner_url: str
    admin_url: str
    port: int
    pid: int


class PrivatePostgres:
    """One cluster of one data folder; the caller holds the folder's lock."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._process: Process | None = None

    async def start(self) -> PostgresServer:
        """Answers connections on return. Whatever an earlier run left is ended first."""
        files = await asyncio.to_thread(locate, self._data_dir)
        secrets = keyring.stored(
            files.folder / "passwords.json",
            {"superuser": keyring.password, "owner": keyring.password},
        )
        await _end_leftovers(files)
        if not (files.cluster / "PG_VERSION").exists():
            await _create_cluster(files, secrets["superuser"])
        port = await self._launch(files, secrets["superuser"])
        admin_url = _url(_SUPERUSER, secrets["superuser"], port, "postgres")
        owner_url = _url(OWNER, secrets["owner"], port, DATABASE)
        await _ensure_owner(admin_url, owner_url, secrets["owner"])
        return PostgresServer(owner_url, admin_url, port, self._running().pid)

    async def exited(self) -> int:
        """Waits until the server has ended by itself; its exit status."""
        return await self._running().wait()

    async def stop(self) -> None:
        if self._process is not None:
            await processes.stop(self._process, _STOP_STEPS)
            self._process = None

    def _running(self) -> Process:
        if self._process is None:
            raise BackingServiceError("PostgreSQL was not started")
        return self._process

    async def _launch(self, files: PostgresFiles, password: str) -> int:
        preferred = read_json(files.folder / "port.json").get("port")
        for _ in range(_START_ATTEMPTS):
            port = free_port(preferred)
            options = [f"--{name}={value}" for name, value in _SETTINGS.items()]
            self._process = await processes.spawn(
                [files.binaries / "postgres", "-D", files.cluster, f"--port={port}", *options],
                environment=_ENVIRONMENT,
                log=files.log,
                user=files.user,
                on_parent_death=signal.SIGINT,
            )
            if await _answers(self._process, _url(_SUPERUSER, password, port, "postgres")):
                write_json(files.folder / "port.json", {"port": port})
                return port
            preferred = None  # most likely somebody took the port between the look and the bind
        raise BackingServiceError(
            f"PostgreSQL did not start; the end of {files.log}:\n{processes.tail(files.log)}"
        )


@asynccontextmanager
async def private_postgres(data_dir: Path) -> AsyncIterator[PostgresServer]:
    """The server of `data_dir` for the length of the block; one process per folder."""
    with exclusive(data_dir, "postgres"):
        server = PrivatePostgres(data_dir)
        try:
            yield await server.start()
        finally:
            await server.stop()


async def _end_leftovers(files: PostgresFiles) -> None:
    """Ends server processes that work in this cluster and clears a stale pid file.

    Backends of a killed postmaster keep its shared memory, and with it the next start, busy.
    """
    strays = processes.working_in(files.cluster)
    pid_file = files.cluster / "postmaster.pid"
    postmaster = pid_file.read_text().partition("\n")[0] if pid_file.exists() else ""
    await processes.end_strays((pid for pid in strays if str(pid) == postmaster), _STOP_STEPS)
    await processes.end_strays(strays, _ORPHAN_STEPS)
    pid_file.unlink(missing_ok=True)


async def _create_cluster(files: PostgresFiles, password: str) -> None:
    # A half-made cluster of an interrupted run has no data in it: initdb writes PG_VERSION
    # early, so the new one is made beside its place and moved there when complete.
    draft = files.cluster.with_name("cluster.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    password_file = files.cluster.with_name("initdb.password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    adopt(draft, files.user)
    adopt(password_file, files.user)
    try:
        process = await processes.spawn(
            [
                *with_a_name(),
                files.binaries / "initdb",
                *("-D", draft, "-U", _SUPERUSER, "-E", "UTF8", "--auth=scram-sha-256"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                f"--pwfile={password_file}",
            ],
            environment=_ENVIRONMENT,
            log=files.log,
            user=files.user,
        )
        if await process.wait() != 0:
            raise BackingServiceError(f"initdb failed:\n{processes.tail(files.log)}")
    finally:
        password_file.unlink(missing_ok=True)
    draft.rename(files.cluster)


async def _answers(process: Process, admin_url: str) -> bool:
    """True once a connection works, False when the server ended; stops it after the bound."""
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        try:
            connection = await asyncpg.connect(admin_url, timeout=5)
        except _NOT_YET:
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return True
    await processes.stop(process, _STOP_STEPS)
    return False


async def _ensure_owner(admin_url: str, owner_url: str, password: str) -> None:
    admin = await asyncpg.connect(admin_url)
    try:
        if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", OWNER):
            await admin.execute(
                f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER CREATEROLE CREATEDB PASSWORD '{password}'"
            )
        known = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE)
    finally:
        await admin.close()
    if not known:
        owner = await asyncpg.connect(owner_url.rpartition("/")[0] + "/postgres")
        try:
            await owner.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await owner.close()


def _url(user: str, password: str, port: int, database: str) -> str:
    return f"postgresql://{user}:{password}@{LOOPBACK}:{port}/{database}"
