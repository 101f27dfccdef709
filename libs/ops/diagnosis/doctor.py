"""`tillstream doctor`: looks at everything of one running copy, and says what to do."""

import shutil
from pathlib import Path

import httpx

from libs.ops import processes
from libs.ops.children import PROJECT
from libs.ops.diagnosis.ages import check_certificates, check_keys
from libs.ops.diagnosis.broker import look_at_broker
from libs.ops.diagnosis.database import look_at_database
from libs.ops.diagnosis.erasures import check_erasures
from libs.ops.diagnosis.figures import check_figures, shops_of
from libs.ops.diagnosis.findings import Finding
from libs.ops.diagnosis.shopify import look_at_shopify
from libs.ops.errors import OperationError
from libs.ops.files import read_json
from libs.ops.operator import SECRETS_FILE
from libs.ops.ports import LOOPBACK
from libs.ops.state import State, read_state

_LEAST_DISK = 1024**3
_NOT_OURS = {"postgres", "rabbitmq"}


async def examine(data_dir: Path) -> list[Finding]:
    """Every finding, those that are well too; the machine's own even where nothing runs."""
    machine = [look_at_disk(data_dir), look_at_dashboard(PROJECT)]
    try:
        state = read_state(data_dir)
    except OperationError as error:
        return [Finding("state file", "none", error.message), *machine]
    return [
        Finding("state file", f"{data_dir} is in use, the dashboard is at {state.gateway}"),
        *(look_at_process(name, pid) for name, pid in sorted(state.pids.items())),
        *await _readiness(data_dir, state),
        *await look_at_database(state.database_url),
        *await look_at_broker(state.amqp_url, state.management_url),
        *await look_at_shopify(data_dir, state.ingestor),
        *await check_erasures(data_dir, state.oauth),
        *await check_figures(data_dir, state.analytics, await shops_of(state.database_url)),
        *await check_certificates(
            {
                "the gateway": state.gateway,
                "webhooks": state.webhooks,
                "the database": state.database_url,
                "the broker": state.amqp_url,
            }
        ),
        check_keys(data_dir / SECRETS_FILE),
        *machine,
    ]


def look_at_process(name: str, pid: int) -> Finding:
    if processes.is_alive(pid):
        return Finding(f"process {name}", f"runs as {pid}")
    return Finding(
        f"process {name}",
        f"{pid} is gone",
        f"`up` starts it again while it runs itself: see logs/{name}.log of the data folder",
    )


async def _readiness(data_dir: Path, state: State) -> list[Finding]:
    ports = read_json(data_dir / "ports.json")
    names = sorted(name for name in state.pids if name not in _NOT_OURS and name in ports)
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        return [await look_at_door(http, name, int(ports[name])) for name in names]


async def look_at_door(http: httpx.AsyncClient, name: str, port: int) -> Finding:
    path = "/_control/health" if name == "simulator" else "/health/ready"
    address = f"http://{LOOPBACK}:{port}{path}"
    try:
        answer = await http.get(address)
    except httpx.TransportError as error:
        seen = f"{address} gives no answer ({type(error).__name__})"
    else:
        if answer.is_success:
            return Finding(f"ready {name}", f"{address} says so")
        seen = f"{address} answers {answer.status_code}"
    return Finding(f"ready {name}", seen, f"see logs/{name}.log of the data folder")


def look_at_disk(folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    seen = f"{free / 1024**3:.1f} GiB free at {there}"
    if free >= _LEAST_DISK:
        return Finding("disk", seen)
    return Finding("disk", seen, "free some: below 1 GiB the broker soon takes no messages")


def look_at_dashboard(project: Path) -> Finding:
    if (project / "services/gateway/dashboard/dist/index.html").is_file():
        return Finding("dashboard", "is built")
    return Finding("dashboard", "is not built", "run `make setup`")
