"""Branch coverage of the whole run: of the tests' processes and of those that start by `python()`.

slipcover marks a line where it first runs and then gets out of the way. To trace every line, as
others do before Python 3.12, would make the tests three times as slow. Loaded as a plugin, ahead of
every module that is to be covered; it works where TILLSTREAM_COVERAGE names a folder.

    python tests/covered.py FOLDER                    says what was covered; fails under the gate
    python tests/covered.py FOLDER -m MODULE [ARGS]   is `python -m MODULE`, covered
"""

import atexit
import importlib.util
import json
import os
import sys
import time
from pathlib import Path

import slipcover

ROOT = Path(__file__).resolve().parent.parent
GATE_PERCENT = 85
_VARIABLE = "TILLSTREAM_COVERAGE"
_SOURCES = [str(ROOT / "services"), str(ROOT / "libs")]
_NOT_TO_COVER = [r"if TYPE_CHECKING:", r"\.\.\.$"]


def python() -> list[str]:
    """The interpreter; in a covered run one that leaves its data where the tests leave theirs."""
    if folder := os.environ.get(_VARIABLE):
        return [sys.executable, __file__, folder]
    return [sys.executable]


def _start(folder: Path) -> None:
    files = slipcover.FileMatcher(sources=_SOURCES)
    running = slipcover.Slipcover(branch=True, exclude_also=_NOT_TO_COVER)
    slipcover.ImportManager(running, files).__enter__()

    def keep() -> None:
        text = json.dumps(running.get_coverage())
        (folder / f"{os.getpid()}-{time.time_ns()}.json").write_text(text)

    atexit.register(keep)


def _run(folder: Path, name: str, arguments: list[str]) -> None:
    # Where `python -m` would look for modules: here, not in the folder of this file.
    sys.path[0] = os.getcwd()
    _start(folder)
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name=name)
    module = importlib.util.module_from_spec(spec)
    module.__name__ = "__main__"
    sys.modules["__main__"] = module
    sys.argv = [str(spec.origin), *arguments]
    spec.loader.exec_module(module)


def _report(folder: Path) -> int:
    """A file that no test imports counts as not covered."""
    whole = slipcover.Slipcover(
        branch=True, source=_SOURCES, exclude_also=_NOT_TO_COVER
    ).get_coverage()
    for path in sorted(folder.glob("*.json")):
        slipcover.merge_coverage(whole, json.loads(path.read_text()))
    slipcover.print_coverage(whole, skip_covered=True, missing_width=60)
    covered = whole["summary"]["percent_covered"]
    wanted = f"at least {GATE_PERCENT} % are asked for"
    sys.stdout.write(f"\nbranch coverage: {covered:.1f} % of lines and branches; {wanted}\n")
    return 0 if covered >= GATE_PERCENT else 1


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if sys.argv[2:]:
        _run(where, sys.argv[3], sys.argv[4:])
    else:
        sys.exit(_report(where))
elif folder := os.environ.get(_VARIABLE):
    Path(folder).mkdir(parents=True, exist_ok=True)
    _start(Path(folder))
