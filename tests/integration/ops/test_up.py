"""`tillstream up` keeps every process running, gives each only what is its own, and ends whole."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from libs.ops import processes

pytestmark = pytest.mark.system

SHOP = "fernwood.myshopify.com"
SERVICES = (
    *("gateway", "oauth", "webhooks", "ingestor-deliveries", "ingestor-pulls", "analytics"),
    "simulator",
)
_KEPT = ("PATH", "PYTHONPATH")
_STOP_SECONDS = 60
_RESTART_SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder for the tests of this file, with one small shop beside it."""
    folder = tmp_path_factory.mktemp("up")
    (folder / "shop.csv").write_text(
        "order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price\n"
        "1,2026-03-01T10:00:00,C1,P1,Müller mug,2,9.99\n"
    )
    return folder


def _up(folder: Path, *more: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(Path(sys.executable).with_name("tillstream"), "up", "--json", "--port", "0"),
            *("--data-dir", folder / "data", *more),
        ],
        env={**{name: os.environ[name] for name in _KEPT if name in os.environ}, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    with _up(folder, "--with-simulator", "--shop", f"{SHOP}={folder / 'shop.csv'}") as process:
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            state = json.loads((folder / "data/state.json").read_text())
            announced = json.loads(line)
            assert announced.items() <= state.items()
            _expect_no_secret_in(folder, line)
            yield process, state
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)
        _expect_no_secret_in(folder, process.stdout.read() + process.stderr.read())


def _left_over(folder: Path) -> list[int]:
    return processes.with_variable("TILLSTREAM_DATA_DIR", str(folder / "data"))


def _environment(pid: int) -> dict[str, str]:
    content = Path(f"/proc/{pid}/environ").read_text()
    return dict(item.split("=", 1) for item in content.split("\0") if item)


async def test_a_killed_process_comes_back_and_a_killed_up_takes_all_with_it(folder):
    with _running(folder) as (process, ready):
        assert set(ready["pids"]) == {*SERVICES, "postgres", "rabbitmq"} - _containers(ready)
        _expect_own_secrets_only(ready)
        _expect_nothing_for_strangers(folder)
        assert _mode(folder / "data") == 0o700
        _expect_the_doctor_to_find_nothing(folder, ready)
        _expect_the_operator_to_be_let_in(folder)
        os.kill(ready["pids"]["analytics"], signal.SIGKILL)
        await _until_replaced(folder, "analytics", ready["pids"]["analytics"])
        process.send_signal(signal.SIGKILL)
        process.wait()
    _open_to_all(folder / "data")
    with _running(folder) as (process, again):
        _expect_nothing_for_strangers(folder)
        # The shop's webhook subscriptions name this address.
        assert again["webhooks"] == ready["webhooks"]
        assert again["gateway"] == ready["gateway"]
        assert not any(processes.is_alive(pid) for pid in ready["pids"].values())
        process.send_signal(signal.SIGINT)
        assert process.wait(_STOP_SECONDS) == 0
    assert _left_over(folder) == []
    assert not any(processes.is_alive(pid) for pid in again["pids"].values())
    assert not (folder / "data/state.json").exists()


def test_a_service_with_wrong_settings_ends_the_start_and_says_which(folder):
    shop = ("--shop", f"{SHOP}={folder / 'shop.csv'}")
    with _up(folder, "--with-simulator", *shop, LOG_LEVEL="LOUD") as process:
        output, errors = process.communicate()
    assert process.returncode == 1
    assert output == ""
    assert "cannot start" in errors
    assert "LOG_LEVEL" in errors
    assert _left_over(folder) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "SHOPIFY_API_KEY and SHOPIFY_API_SECRET must be set"),
        (("--shop", f"{SHOP}=shop.csv"), "--shop is for the simulator"),
        (("--size", "5"), "--size is for the simulator"),
        (("--with-simulator", "--shop", f"{SHOP}=nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_the_operator_forgot_is_said_before_anything_starts(tmp_path, arguments, said):
    credentials = {} if not arguments else {"SHOPIFY_API_KEY": "k", "SHOPIFY_API_SECRET": "s"}
    with _up(tmp_path, *arguments, **credentials) as process:
        output, errors = process.communicate()
    assert (process.returncode, output) == (1, "")
    assert said in errors
    assert not (tmp_path / "data/postgres").exists()


def _expect_the_doctor_to_find_nothing(folder: Path, ready: dict[str, Any]) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("tillstream"),
            *("doctor", "--data-dir", folder / "data"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    for name in SERVICES:
        assert any(f"ready {name}:" in line for line in lines), name
    assert any("broker alarms: none" in line for line in lines)
    assert urlsplit(ready["database_url"]).password not in done.stdout
    assert urlsplit(ready["amqp_url"]).password not in done.stdout


def _expect_the_operator_to_be_let_in(folder: Path) -> None:
    rotated = _tillstream(folder, "keys", "rotate")
    assert "All are sealed with the key k1 now" in " ".join(rotated.stderr.split())
    assert "last pull" in _tillstream(folder, "pulls", "list").stdout


def _tillstream(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("tillstream"), *command, "--data-dir", folder / "data"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _expect_own_secrets_only(ready: dict[str, Any]) -> None:
    environments = {name: _environment(ready["pids"][name]) for name in SERVICES}
    roles = {
        name: urlsplit(found["DATABASE_URL"]).username
        for name, found in environments.items()
        if "DATABASE_URL" in found
    }
    assert roles == {name: f"tillstream_{name.partition('-')[0]}" for name in SERVICES[:-1]}
    assert [name for name, found in environments.items() if "ENCRYPTION_KEY" in found] == ["oauth"]
    assert [name for name, found in environments.items() if "SESSION_SECRET" in found] == [
        "gateway"
    ]
    keys = {found.get("CALLER_PRIVATE_KEY") for found in environments.values()} - {None}
    assert len(keys) == len({"gateway", "oauth", "ingestor", "analytics"})
    owner = urlsplit(ready["database_url"]).password
    assert not any(owner in value for found in environments.values() for value in found.values())
    state = Path(environments["gateway"]["TILLSTREAM_DATA_DIR"]) / "state.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


def _secrets(data: Path) -> dict[str, str]:
    files = ("secrets.json", "postgres/passwords.json", "rabbitmq/passwords.json")
    return {
        f"{file} {name}": value
        for file in files
        for name, value in json.loads((data / file).read_text()).items()
    }


def _expect_no_secret_in(folder: Path, text: str) -> None:
    assert [name for name, value in _secrets(folder / "data").items() if value in text] == []


def _expect_nothing_for_strangers(folder: Path) -> None:
    """Other users of the machine can read no file and no command line of this copy."""
    data = folder / "data"
    places = [data]
    if (memo := data / "postgres/cluster-location").exists():
        places.append(Path(memo.read_text().strip()))
    files = [path for place in places for path in (place, *place.rglob("*"))]
    assert {"state.json", "secrets.json", "gateway.log", "postgres.log", "PG_VERSION"} <= {
        path.name for path in files
    }
    open_to_others = [path for path in files if _mode(path) & 0o077]
    # Root's folder stays one that others may walk through, where it was that before.
    walked_through = [data] if _mode(data) == 0o711 and os.geteuid() == 0 else []
    assert open_to_others == walked_through
    commands = "\n".join(_command_lines())
    assert str(data) in commands
    _expect_no_secret_in(folder, commands)


def _mode(path: Path) -> int:
    try:
        return 0 if path.is_symlink() else stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:  # PostgreSQL and RabbitMQ are at work here
        return 0


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().decode(errors="replace")
        except OSError:
            continue


def _open_to_all(data: Path) -> None:
    """As a version before this one left its files."""
    for path in (data, data / "logs", data / "logs/gateway.log", data / "postgres/postgres.log"):
        path.chmod(0o755 if path.is_dir() else 0o644)


async def _until_replaced(folder: Path, name: str, old: int) -> None:
    """Until the state file names a new process, and that one is ready."""
    ports = json.loads((folder / "data/ports.json").read_text())
    async with asyncio.timeout(_RESTART_SECONDS), httpx.AsyncClient() as http:
        while True:
            state = json.loads((folder / "data/state.json").read_text())
            if state["pids"].get(name, old) != old:
                try:
                    answer = await http.get(f"http://127.0.0.1:{ports[name]}/health/ready")
                except httpx.TransportError:
                    pass
                else:
                    if answer.status_code == 200:
                        return
            await asyncio.sleep(0.2)


def _containers(ready: dict[str, Any]) -> set[str]:
    """A broker in a container has no process of ours."""
    return set() if "rabbitmq" in ready["pids"] else {"rabbitmq"}
