"""Claims tasks and works on a few at a time, each under a lease that is kept while it runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, transaction
from libs.common.errors import PlatformError, TransientError
from libs.common.logs import get_logger
from services.ingestor.tasks import repository
from services.ingestor.tasks.repository import Task, TaskKind, TaskLostError

Handler = Callable[[Task], Awaitable[None]]
"""Works one task off and ends its row. Each transaction that writes must hold the task."""

_POLL_SECONDS = 1.0
_RENEW_SECONDS = 3.0

log = get_logger()


class TaskWorker:
    """Works on the kinds that `handlers` names, `limit` rows at once; other kinds need another one.

    A task whose work fails is postponed by `min_pause` or more, for however long it fails: it never
    stops the others.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        handlers: Mapping[TaskKind, Handler],
        *,
        limit: int,
        poll_seconds: float = _POLL_SECONDS,
        min_pause: timedelta = timedelta(0),
    ) -> None:
        self._engine = engine
        self._handlers = handlers
        self._limit = limit
        self._poll_seconds = poll_seconds
        self._min_pause = min_pause
        self._ended = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled; then every task is given back before this returns."""
        try:
            while True:
                self._ended.clear()
                await self._start_due()
                await self._wait()
        finally:
            await _end(*self._running)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._ended.wait()
        except TimeoutError:
            return

    async def _start_due(self) -> None:
        free = self._limit - len(self._running)
        if free <= 0:
            return
        try:
            async with transaction(self._engine) as tx:
                tasks = await repository.claim_tasks(tx, self._handlers.keys(), free)
        except TransientError as error:
            log.warning("tasks_not_claimed", code=error.code)
            return
        for task in tasks:
            running = asyncio.create_task(self._take(task))
            self._running.add(running)
            running.add_done_callback(self._note_end)

    def _note_end(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        self._ended.set()
        if not running.cancelled() and (error := running.exception()) is not None:
            log.error("task_worker_failed", exc_info=error)

    async def _take(self, task: Task) -> None:
        structlog.contextvars.bind_contextvars(
            tenant_id=str(task.tenant_id), task=task.kind.value, task_id=str(task.id)
        )
        work = asyncio.ensure_future(self._handlers[task.kind](task))
        keeper = asyncio.create_task(self._keep(task))
        try:
            await asyncio.wait({work, keeper}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(work, keeper)
            await self._write(task, repository.release_task)
            raise
        lost = keeper.done() and not work.done()
        await _end(work, keeper)
        error = None if work.cancelled() else work.exception()
        if lost or isinstance(error, TaskLostError):
            log.warning("task_lost")
        elif error is not None:
            await self._postpone(task, error)

    async def _postpone(self, task: Task, error: BaseException) -> None:
        expected = isinstance(error, PlatformError)
        code = error.code if isinstance(error, PlatformError) else type(error).__name__
        log.warning("task_postponed", code=code, exc_info=None if expected else error)

        async def postpone(tx: Transaction, task: Task) -> None:
            await repository.postpone_task(tx, task, code, at_least=self._min_pause)

        await self._write(task, postpone)

    async def _keep(self, task: Task) -> None:
        """Prolong the lease until it is lost. The database away, what the work writes proves it."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                async with transaction(self._engine) as tx:
                    await repository.hold_task(tx, task)
            except TaskLostError:
                return
            except TransientError as error:
                log.warning("task_lease_not_renewed", code=error.code)

    async def _write(self, task: Task, change: Callable[[Transaction, Task], Any]) -> None:
        """What cannot be written is made up for by the lease's end."""
        try:
            async with transaction(self._engine) as tx:
                await change(tx, task)
        except TransientError as error:
            log.warning("task_not_written", code=error.code)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
