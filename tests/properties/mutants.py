"""`make mutants`: breaks a copy of the code in one line for each property, which must notice.

`python -m tests.properties.mutants 4 17` tries these two alone.
"""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.keeper import ROOT, shared_server
from tests.properties.settings import Mutant

FOLDER = Path(__file__).parent
_SERVERS = ROOT / ".cache/test-servers"
_TESTS_FAILED = 1


def property_files() -> dict[int, Path]:
    """Number to test file."""
    return {int(path.name[6:8]): path for path in sorted(FOLDER.glob("test_p[0-9][0-9]_*.py"))}


def mutant_of(path: Path) -> Mutant:
    found: Mutant = importlib.import_module(f"tests.properties.{path.stem}").MUTANT
    return found


@contextmanager
def _copy_of_the_tree() -> Iterator[Path]:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory(prefix="tillstream-mutants-") as folder:
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                target = Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)
        yield Path(folder)


@contextmanager
def _servers() -> Iterator[Mapping[str, str]]:
    """The variables that make every run use one and the same PostgreSQL and RabbitMQ."""
    with (
        shared_server("postgres", _SERVERS / "postgres") as postgres,
        shared_server("rabbitmq", _SERVERS / "rabbitmq") as rabbitmq,
    ):
        yield {
            "TILLSTREAM_TEST_DATABASE_URL": postgres["url"],
            "TILLSTREAM_TEST_AMQP_URL": rabbitmq["url"],
            "TILLSTREAM_TEST_MANAGEMENT_URL": rabbitmq["management_url"],
        }


def _run(
    tree: Path, variables: Mapping[str, str], *paths: Path
) -> subprocess.CompletedProcess[str]:
    names = [str(path.relative_to(ROOT)) for path in paths]
    options = ("-x", "-q", "--tb=short", "-p", "no:cacheprovider", "--hypothesis-profile=mutants")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *names],
        cwd=tree,
        env={**os.environ, **variables, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def _is_killed(tree: Path, variables: Mapping[str, str], path: Path) -> bool:
    """Whether the property fails on the changed code; that it cannot even start does not count."""
    mutant = mutant_of(path)
    changed = tree / mutant.file
    original = changed.read_text()
    changed.write_text(original.replace(mutant.old, mutant.new))
    try:
        run = _run(tree, variables, path)
    finally:
        changed.write_text(original)
    return run.returncode == _TESTS_FAILED and f"FAILED {path.relative_to(ROOT)}" in run.stdout


def main(numbers: list[int]) -> int:
    files = property_files()
    chosen = numbers or sorted(files)
    outcomes: dict[int, str] = {}
    with _servers() as variables, _copy_of_the_tree() as tree:
        print(f"the code as it is: {len(chosen)} properties ...", flush=True)
        unchanged = _run(tree, variables, *(files[number] for number in chosen))
        if unchanged.returncode:
            print(unchanged.stdout)
            return 1
        for number in chosen:
            began = time.monotonic()
            killed = _is_killed(tree, variables, files[number])
            outcomes[number] = "killed" if killed else "SURVIVED"
            seconds = time.monotonic() - began
            print(f"P{number:02} {outcomes[number]:8} {seconds:5.1f} s", flush=True)
    print("\nproperty  outcome   changed line")
    for number, outcome in outcomes.items():
        mutant = mutant_of(files[number])
        print(f"P{number:02}       {outcome:8}  {mutant.file}: {mutant.new.strip()[:90]}")
    return int("SURVIVED" in outcomes.values())


if __name__ == "__main__":
    raise SystemExit(main([int(argument) for argument in sys.argv[1:]]))
