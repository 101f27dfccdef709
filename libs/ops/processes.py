"""Starting processes that die with us, and finding those a killed run left behind.

A process is ours only by evidence it cannot share by accident: a variable of its environment
or its working folder names our data folder. A pid alone proves nothing.
"""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = "libc.so.6"
_POLL_SECONDS = 0.05


def death_signal(number: signal.Signals) -> Callable[[], None]:
    """A pre-exec hook: the kernel sends `number` to the child when this process is gone."""
    prctl = ctypes.CDLL(_LIBC, use_errno=True).prctl if sys.platform == "linux" else None
    parent = os.getpid()

    def arm() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, int(number))
            if os.getppid() != parent:
                os._exit(1)

    return arm


async def spawn(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path | str = "/",
    user: int | None = None,
    on_parent_death: signal.Signals = signal.SIGTERM,
) -> Process:
    """Starts a command in its own session with nothing of our environment, output to `log`.

    Its own session keeps a Ctrl-C in the terminal from reaching it before its turn.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(str(part) for part in command),
            env=dict(environment),
            cwd=str(folder),
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=death_signal(on_parent_death),
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


async def stop(process: Process, steps: Iterable[tuple[signal.Signals, float]]) -> None:
    """Sends each signal in turn until the process has ended; then it is reaped."""
    for number, seconds in steps:
        if process.returncode is not None:
            return
        process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            continue
    if process.returncode is None:
        process.kill()
        await process.wait()


def is_alive(pid: int) -> bool:
    """False for a zombie: its work is over, whoever fails to reap it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")


def with_variable(name: str, value: str) -> list[int]:
    """Processes started with NAME=value in their environment."""
    wanted = f"{name}={value}".encode()

    def matches(process: Path) -> bool:
        return wanted in (process / "environ").read_bytes().split(b"\0")

    return _matching(matches)


def working_in(folder: Path) -> list[int]:
    """Processes whose working folder is `folder`."""
    wanted = os.path.realpath(folder)
    return _matching(lambda process: os.readlink(process / "cwd") == wanted)


async def end_strays(pids: Iterable[int], steps: Iterable[tuple[signal.Signals, float]]) -> None:
    """Ends processes that are not our children, signal by signal, until none is left."""
    left = [pid for pid in pids if is_alive(pid)]
    for number, seconds in steps:
        for pid in left:
            _send(pid, number)
        deadline = asyncio.get_running_loop().time() + seconds
        while left and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            left = [pid for pid in left if is_alive(pid)]
        if not left:
            return


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, for an error message."""
    try:
        content = log.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(content.splitlines()[-lines:])


def _matching(matches: Callable[[Path], bool]) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if matches(entry):
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
