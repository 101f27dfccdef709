"""Private servers shared by all test processes of a checkout: `python -m tests.keeper KIND DIR`.

Test processes hold a shared lock; the keeper waits for the exclusive one. It therefore ends
with the last of them, however that one ended.
"""

import asyncio
import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from libs.ops.broker_access import BrokerAdministration, user_of
from libs.ops.files import read_json, write_json
from libs.ops.locks import exclusive
from libs.ops.postgres import private_postgres
from libs.ops.rabbitmq import private_rabbitmq
from tests.memory import memory_folder

ROOT = Path(__file__).resolve().parent.parent
TEST_PREFIX = "test_"
_START_SECONDS = 240


@contextmanager
def shared_server(kind: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """What the keeper of `kind` ("postgres", "rabbitmq") says of its server, started if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "clients.lock").open("w") as client, (folder / "start.lock").open("w") as start:
        fcntl.flock(client, fcntl.LOCK_SH)
        fcntl.flock(start, fcntl.LOCK_EX)
        if not _is_kept(folder):
            _start_keeper(kind, folder)
        fcntl.flock(start, fcntl.LOCK_UN)
        yield read_json(folder / "server.json")


def _is_kept(folder: Path) -> bool:
    with (folder / "keeper.lock").open("a") as keeper:
        try:
            fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _start_keeper(kind: str, folder: Path) -> None:
    (folder / "server.json").unlink(missing_ok=True)
    with (folder / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.keeper", kind, folder],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while not (folder / "server.json").exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no {kind} for the tests:\n{(folder / 'keeper.log').read_text()}")
        time.sleep(0.1)
    # It lives on after this process; the interpreter need not warn that nobody waited for it.
    keeper.returncode = 0


async def keep(kind: str, folder: Path) -> None:
    # The order matters: the keeper's lock goes first, then newcomers may hold the clients' lock.
    with (folder / "clients.lock").open("a") as clients, exclusive(folder, "keeper"):
        with _quick(folder) as data_dir:
            async with _SERVERS[kind](data_dir) as server:
                write_json(folder / "server.json", server)
                await asyncio.to_thread(fcntl.flock, clients, fcntl.LOCK_EX)
                (folder / "server.json").unlink()


@contextmanager
def _quick(folder: Path) -> Iterator[Path]:
    """A data folder in memory where there is room for it, otherwise `folder` itself.

    A database is hundreds of files: on a disk a new one costs fifteen times as much CPU.
    """
    memory = memory_folder()
    if memory is None:
        yield folder
        return
    # The same for each run: what a killed keeper left is found again and cleared.
    quick = memory / f"tillstream-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    quick.mkdir(exist_ok=True)
    try:
        yield quick
    finally:
        shutil.rmtree(quick)


@asynccontextmanager
async def _postgres(folder: Path) -> AsyncIterator[Mapping[str, str]]:
    async with private_postgres(folder) as server:
        await _prepare(server.admin_url)
        yield {"url": server.owner_url.rpartition("/")[0] + "/postgres"}


@asynccontextmanager
async def _rabbitmq(folder: Path) -> AsyncIterator[Mapping[str, str]]:
    async with private_rabbitmq(folder) as server:
        user, password = user_of(server.owner_url)
        async with BrokerAdministration(server.management_url, user, password) as broker:
            for vhost in await broker.vhosts():
                if vhost.startswith(TEST_PREFIX):
                    await broker.remove_vhost(vhost)
        yield {"url": server.owner_url, "management_url": server.management_url}


async def _prepare(admin_url: str) -> None:
    """No test pulls the plug: unsynced, a database comes and goes in a fifth of the time."""
    connection = await asyncpg.connect(admin_url)
    try:
        for setting in ("fsync", "full_page_writes", "wal_init_zero"):
            await connection.execute(f"ALTER SYSTEM SET {setting} = off")
        await connection.execute("SELECT pg_reload_conf()")
        for row in await connection.fetch("SELECT datname FROM pg_database"):
            if row["datname"].startswith(TEST_PREFIX):
                await connection.execute(f'DROP DATABASE "{row["datname"]}"')
    finally:
        await connection.close()


_SERVERS = {"postgres": _postgres, "rabbitmq": _rabbitmq}

if __name__ == "__main__":
    asyncio.run(keep(sys.argv[1], Path(sys.argv[2])))
