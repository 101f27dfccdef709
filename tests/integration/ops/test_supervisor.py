"""A process that is killed on purpose is killed at once, and another takes its place."""

import asyncio
from pathlib import Path

from libs.ops.children import Program, ProgramChild
from libs.ops.ports import PortClaims
from libs.ops.supervisor import Supervisor

_SECONDS = 30


async def test_what_is_killed_starts_again_and_nothing_else_does(tmp_path: Path):
    said: list[str] = []
    supervisor = Supervisor(lambda _pids: None, said.append)
    with PortClaims() as claims:
        ports = claims.take_all(["killed", "spared"], {})
    await supervisor.start([_server(name, port, tmp_path) for name, port in ports.items()])
    before = supervisor.pids
    try:
        supervisor.kill("killed")
        async with asyncio.timeout(_SECONDS):
            while supervisor.pids["killed"] == before["killed"]:
                await asyncio.sleep(0.05)
        after = supervisor.pids
    finally:
        await supervisor.stop([list(ports)])

    assert after["spared"] == before["spared"]
    assert said == ["killed starts again, as asked"]


def _server(name: str, port: int, logs: Path) -> ProgramChild:
    arguments = ("http.server", str(port), "--bind", "127.0.0.1", "--directory", str(logs))
    return ProgramChild(Program(name, arguments, {}, f"http://127.0.0.1:{port}/"), logs)
