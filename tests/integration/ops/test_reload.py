"""With `up --reload` a changed file restarts the programs that run it, and no other."""

import asyncio
from pathlib import Path

import pytest

from libs.ops.children import Program, ProgramChild
from libs.ops.ports import PortClaims
from libs.ops.reload import restart_on_change, touched_by
from libs.ops.supervisor import Supervisor

PROGRAMS = ("postgres", "rabbitmq", "gateway", "ingestor-deliveries", "ingestor-pulls", "simulator")
_SECONDS = 30


@pytest.mark.parametrize(
    ("path", "programs"),
    [
        ("services/gateway/main.py", ["gateway"]),
        ("services/ingestor/pulls/worker.py", ["ingestor-deliveries", "ingestor-pulls"]),
        (
            "libs/common/money.py",
            ["gateway", "ingestor-deliveries", "ingestor-pulls", "simulator"],
        ),
        ("libs/simulator/app.py", ["simulator"]),
        ("libs/ops/up.py", []),
    ],
)
def test_a_file_touches_the_programs_that_run_it(path, programs):
    assert touched_by(Path(path), PROGRAMS) == programs


def _server(name: str, port: int, logs: Path) -> ProgramChild:
    arguments = ("http.server", str(port), "--bind", "127.0.0.1", "--directory", str(logs))
    return ProgramChild(Program(name, arguments, {}, f"http://127.0.0.1:{port}/"), logs)


async def test_a_saved_file_starts_its_program_again_and_leaves_the_others_alone(tmp_path):
    source = tmp_path / "services/gateway/main.py"
    source.parent.mkdir(parents=True)
    source.write_text("first = 1\n")
    supervisor = Supervisor(lambda _pids: None, lambda _line: None)
    with PortClaims() as claims:
        ports = claims.take_all(["gateway", "analytics"], {})
    await supervisor.start([_server(name, port, tmp_path) for name, port in ports.items()])
    before = supervisor.pids
    watching = asyncio.create_task(
        restart_on_change(tmp_path, lambda: supervisor.pids, supervisor.restart)
    )
    try:
        async with asyncio.timeout(_SECONDS):
            while supervisor.pids.get("gateway") == before["gateway"]:
                # Again and again: the first may come before the watch is set up.
                source.write_text("second = 2\n")
                await asyncio.sleep(0.5)
        assert supervisor.pids["analytics"] == before["analytics"]
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await supervisor.stop([("gateway", "analytics")])
