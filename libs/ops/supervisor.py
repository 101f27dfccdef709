"""Keeps a set of processes running: starts them, waits until they are ready, restarts them.

A process that ends is started again after a pause that doubles from half a second to ten, and
begins anew after it has run for half a minute. Exit status 78 means wrong settings: no restart
can cure that, so while starting up it ends the start.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol

from libs.ops.errors import OperationError

EXIT_CONFIGURATION = 78
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_SETTLED_SECONDS = 30.0
_READY_SECONDS = 120.0


class Kept(Protocol):
    """One process (or container) to keep running."""

    @property
    def name(self) -> str: ...

    async def start(self) -> int | None:
        """Answers with the process id, where it has one."""

    async def ready(self) -> None:
        """Returns when it can do its work, however often it is started until then."""

    async def exited(self) -> int:
        """Waits until it has ended by itself; its exit status."""

    async def stop(self) -> None: ...

    def explain(self) -> str:
        """The end of its log."""


class Supervisor:
    """`on_change` gets every process id each time one changes; `say` a line for people."""

    def __init__(
        self, on_change: Callable[[Mapping[str, int]], None], say: Callable[[str], None]
    ) -> None:
        self._on_change = on_change
        self._say = say
        self._kept: dict[str, Kept] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._starting: set[str] = set()
        self._asked: set[str] = set()
        self._pids: dict[str, int] = {}

    @property
    def pids(self) -> Mapping[str, int]:
        return dict(self._pids)

    async def start(self, group: Sequence[Kept]) -> None:
        """Starts all of `group` at once; returns when each is ready.

        Raises OperationError with the end of the log of one that is not, after a bound.
        """
        self._kept |= {kept.name: kept for kept in group}
        self._starting = {kept.name for kept in group}
        await _all(self._begin(kept) for kept in group)
        watchers = {kept.name: asyncio.create_task(self._keep(kept)) for kept in group}
        self._watchers |= watchers
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await _all((self._until_ready(kept) for kept in group), watchers.values())
        except TimeoutError:
            logs = "\n".join(f"{name}:\n{self._kept[name].explain()}" for name in self._starting)
            raise OperationError(f"not ready after {_READY_SECONDS:.0f} s:\n{logs}") from None

    async def run(self) -> None:
        """Until something cannot be kept running; raises what was wrong."""
        await asyncio.gather(*self._watchers.values())

    async def restart(self, names: Iterable[str]) -> None:
        """Ends the named processes, which then start again without a pause."""
        kept = [self._kept[name] for name in names if name in self._kept]
        self._asked |= {one.name for one in kept}
        await asyncio.gather(*(one.stop() for one in kept))

    def kill(self, name: str) -> None:
        """Ends a process as a crash would; it starts again without a pause."""
        self._asked.add(name)
        os.kill(self._pids[name], signal.SIGKILL)

    async def stop(self, order: Sequence[Iterable[str]]) -> None:
        """Ends the named processes, one group after the other, each group at once."""
        for group in order:
            names = [name for name in group if name in self._kept]
            for name in names:
                if watcher := self._watchers.pop(name, None):
                    watcher.cancel()
            await asyncio.gather(*(self._end(self._kept.pop(name)) for name in names))

    async def _begin(self, kept: Kept) -> None:
        self._set_pid(kept.name, await kept.start())

    async def _until_ready(self, kept: Kept) -> None:
        await kept.ready()
        self._starting.discard(kept.name)

    async def _keep(self, kept: Kept) -> None:
        clock = asyncio.get_running_loop().time
        began, pause = clock(), _FIRST_PAUSE
        while True:
            status = await kept.exited()
            if status == EXIT_CONFIGURATION and kept.name in self._starting:
                raise OperationError(f"{kept.name} cannot start:\n{kept.explain()}")
            asked = kept.name in self._asked
            if asked or clock() - began >= _SETTLED_SECONDS:
                pause = _FIRST_PAUSE
            if asked:
                self._say(f"{kept.name} starts again, as asked")
            else:
                self._say(f"{kept.name} ended (status {status}), starts again in {pause:g} s")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            self._asked.discard(kept.name)
            began = clock()
            await self._begin_again(kept)

    async def _begin_again(self, kept: Kept) -> None:
        try:
            await self._begin(kept)
        except OperationError as error:
            # Its `exited` answers at once then, and the longer pause follows.
            self._say(f"{kept.name} did not start again: {error.message}")

    async def _end(self, kept: Kept) -> None:
        await kept.stop()
        self._set_pid(kept.name, None)

    def _set_pid(self, name: str, pid: int | None) -> None:
        if pid is None:
            self._pids.pop(name, None)
        else:
            self._pids[name] = pid
        self._on_change(self.pids)


async def _all(
    work: Iterable[Coroutine[Any, Any, None]], watched: Iterable[asyncio.Task[None]] = ()
) -> None:
    """Runs all of `work` at once; the first failure, of a watched task too, cancels the rest."""
    tasks = {asyncio.create_task(item) for item in work}
    pending: set[asyncio.Task[None]] = set(tasks)
    try:
        while pending:
            done, _ = await asyncio.wait(
                pending | set(watched), return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            pending -= done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
