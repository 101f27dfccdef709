"""Background work beside a server: what fails is started again, and readiness tells of it."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NoReturn

from libs.common.errors import PlatformError
from libs.common.logs import get_logger

Work = Callable[[], Coroutine[Any, Any, None]]
"""Makes a run of work that is never done: it ends by cancellation or with an error."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds. A run that lasts for `well_after` makes the failures before it forgotten."""

    first_pause: float = 1.0
    longest_pause: float = 30.0
    well_after: float = 60.0
    unready_after: float = 300.0


@dataclass(frozen=True, slots=True)
class _Trouble:
    since: float
    error: str
    next_pause: float


class Workers:
    """All background work of one process."""

    def __init__(
        self, work: Mapping[str, Work] | None = None, *, patience: Patience | None = None
    ) -> None:
        self._work = dict(work or {})
        self._patience = patience or Patience()
        self._troubles: dict[str, _Trouble] = {}

    def add(self, name: str, work: Work) -> None:
        """To be called before `start`."""
        self._work[name] = work

    def start(self) -> list[asyncio.Task[NoReturn]]:
        """A task for each work; it ends only when it is cancelled."""
        return [
            asyncio.create_task(self.keep(name, work), name=name)
            for name, work in self._work.items()
        ]

    async def keep(self, name: str, work: Work) -> NoReturn:
        """Run `work`, again after each failure and with growing pauses, until cancelled."""
        while True:
            await self._run(name, work)
            pause = self._troubles[name].next_pause
            await asyncio.sleep(pause * random.uniform(0.75, 1.0))  # noqa: S311 - jitter

    def failing(self) -> dict[str, str]:
        """Work that has been failing for `unready_after`, with the code of its last error."""
        before = asyncio.get_running_loop().time() - self._patience.unready_after
        return {
            f"worker {name}": trouble.error
            for name, trouble in self._troubles.items()
            if trouble.since <= before
        }

    async def _run(self, name: str, work: Work) -> None:
        loop = asyncio.get_running_loop()
        well = loop.call_later(self._patience.well_after, partial(self._forget, name))
        task = asyncio.current_task()
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - a bug must not end the process
            if task is not None and task.cancelling():
                _log(name, error)
                raise asyncio.CancelledError from None
            self._note(name, error)
        else:
            self._note(name, RuntimeError("work without an end has ended"))
        finally:
            well.cancel()

    def _forget(self, name: str) -> None:
        if self._troubles.pop(name, None):
            log.info("worker_recovered", worker=name)

    def _note(self, name: str, error: Exception) -> None:
        _log(name, error)
        told = error.code if isinstance(error, PlatformError) else type(error).__name__
        now = asyncio.get_running_loop().time()
        before = self._troubles.get(name)
        if before is None:
            self._troubles[name] = _Trouble(now, told, self._patience.first_pause)
            return
        pause = min(before.next_pause * 2, self._patience.longest_pause)
        self._troubles[name] = replace(before, error=told, next_pause=pause)


def _log(name: str, error: Exception) -> None:
    """Ours say what they mean; what nobody foresaw is logged with its stack."""
    if isinstance(error, PlatformError):
        log.warning("worker_failed", worker=name, code=error.code, reason=error.message)
    else:
        log.error("worker_failed", worker=name, exc_info=error)
