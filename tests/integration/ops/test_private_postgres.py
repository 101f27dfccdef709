"""A private PostgreSQL starts anywhere, starts again after anything, and disturbs nobody."""

import asyncio
import os
import signal
import stat
from pathlib import Path

import asyncpg
import pytest

from libs.ops import processes
from libs.ops.errors import FolderInUseError
from libs.ops.postgres import PostgresServer, private_postgres
from tests.integration.ops.holding import held, reachable_folder, run_as_ordinary_user


async def _write(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    await connection.close()


async def _read(url: str) -> int:
    connection = await asyncpg.connect(url)
    answer = await connection.fetchval("SELECT answer FROM kept")
    await connection.close()
    return int(answer)


async def test_a_second_start_finds_the_data_the_port_and_the_passwords_of_the_first(tmp_path):
    async with private_postgres(tmp_path) as first:
        await _write(first.owner_url)
    async with private_postgres(tmp_path) as second:
        assert second.owner_url == first.owner_url
        assert await _read(second.owner_url) == 42
    assert not processes.is_alive(second.pid)


async def test_the_owner_is_no_superuser_and_nobody_gets_in_without_a_password(tmp_path):
    async with private_postgres(tmp_path) as server:
        connection = await asyncpg.connect(server.owner_url)
        role = await connection.fetchrow(
            "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'tillstream'"
        )
        provider = await connection.fetchrow(
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'tillstream'"
        )
        durable = await connection.fetchval("SHOW fsync")
        await connection.close()
        assert tuple(role) == (False, True, True)
        assert tuple(provider) == (b"b", "C.UTF-8")
        assert durable == "on"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.owner_url.replace("tillstream:", "tillstream:x"))
    secrets = tmp_path / "postgres/passwords.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600


async def test_a_killed_owner_leaves_nothing_that_blocks_the_next_start(tmp_path):
    with held("postgres", tmp_path) as (holder, url):
        await _write(url)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        async with private_postgres(tmp_path) as server:
            assert await _read(server.owner_url) == 42


async def test_backends_of_a_killed_server_do_not_block_the_next_start(tmp_path):
    with held("postgres", tmp_path) as (holder, url):
        await _write(url)
        # A backend that is busy does not notice that its postmaster is gone.
        client = await asyncpg.connect(url)
        busy = await client.fetchval("SELECT pg_backend_pid()")
        os.kill(busy, signal.SIGSTOP)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        os.kill(_postmaster_of(busy), signal.SIGKILL)
        client.terminate()
        async with private_postgres(tmp_path) as server:
            assert await _read(server.owner_url) == 42
        assert not processes.is_alive(busy)


async def test_a_pid_file_that_names_a_stranger_is_not_believed(tmp_path):
    async with private_postgres(tmp_path) as server:
        await _write(server.owner_url)
        cluster = Path(os.readlink(f"/proc/{server.pid}/cwd"))
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        (cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster}\n0\n5432\n\n\n\n")
        async with private_postgres(tmp_path) as again:
            assert await _read(again.owner_url) == 42
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


async def test_two_copies_run_side_by_side_and_one_folder_serves_one_process(tmp_path):
    async with private_postgres(tmp_path / "one") as one, private_postgres(tmp_path / "two") as two:
        assert one.port != two.port
        await _write(one.owner_url)
        await _write(two.owner_url)
        with pytest.raises(FolderInUseError, match=f"process {os.getpid()}"):
            async with private_postgres(tmp_path / "one"):
                pass
        assert await _read(one.owner_url) == 42


async def test_it_runs_from_a_home_folder_that_only_its_owner_may_enter(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    async with private_postgres(home / "shop/.tillstream") as server:
        await _write(server.owner_url)
        assert _runs_unprivileged(server)
    async with private_postgres(home / "shop/.tillstream") as server:
        assert await _read(server.owner_url) == 42


async def test_the_cluster_lies_in_the_data_folder_where_its_user_can_reach_that():
    with reachable_folder() as folder:
        async with private_postgres(folder) as server:
            assert Path(os.readlink(f"/proc/{server.pid}/cwd")) == folder / "postgres/cluster"


def test_an_ordinary_user_runs_it_from_a_private_home():
    run_as_ordinary_user(_start_twice)


async def _start_twice(home: Path) -> None:
    async with private_postgres(home / ".tillstream") as server:
        await _write(server.owner_url)
        assert os.stat(f"/proc/{server.pid}").st_uid == os.geteuid()
    async with private_postgres(home / ".tillstream") as server:
        assert await _read(server.owner_url) == 42


def _runs_unprivileged(server: PostgresServer) -> bool:
    return os.stat(f"/proc/{server.pid}").st_uid != 0


def _postmaster_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
