"""While code is written: a program starts again when a Python file of its own changes."""

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from watchfiles import PythonFilter, awatch

from libs.ops.roles import SERVICES

_COMMON = Path("libs/common")
_SIMULATOR = Path("libs/simulator")


async def restart_on_change(
    project: Path,
    programs: Callable[[], Collection[str]],
    restart: Callable[[Collection[str]], Awaitable[None]],
) -> None:
    """Until cancelled. `programs` names those that run, `restart` starts the given ones again."""
    folders = [project / _COMMON, project / _SIMULATOR, project / "services"]
    there = [folder for folder in folders if folder.is_dir()]
    async for changes in awatch(*there, watch_filter=PythonFilter()):
        paths = [Path(path).relative_to(project) for _, path in changes]
        if names := {name for path in paths for name in touched_by(path, programs())}:
            await restart(sorted(names))


def touched_by(path: Path, programs: Collection[str]) -> list[str]:
    """Those of `programs` that run the code of `path`, which is relative to the project."""
    if path.is_relative_to(_COMMON):
        return [name for name in programs if name == "simulator" or _service(name) in SERVICES]
    if path.is_relative_to(_SIMULATOR):
        return [name for name in programs if name == "simulator"]
    return [name for name in programs if path.is_relative_to(Path("services") / _service(name))]


def _service(program: str) -> str:
    return program.partition("-")[0]
