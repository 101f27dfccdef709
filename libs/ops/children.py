"""The two kinds of process `up` keeps: Python programs of ours, and backing services."""

import signal
import sys
from asyncio import sleep
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from libs.ops import processes
from libs.ops.errors import OperationError

PROJECT = Path(__file__).resolve().parents[2]
_POLL_SECONDS = 0.15
_STOP_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True, slots=True)
class Program:
    """A module to run with exactly this environment, and the URL that answers 200 when ready."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    ready_url: str


class ProgramChild:
    def __init__(self, program: Program, logs: Path) -> None:
        self._program = program
        self._log = logs / f"{program.name}.log"
        self._process: Process | None = None

    @property
    def name(self) -> str:
        return self._program.name

    async def start(self) -> int:
        self._process = await processes.spawn(
            [sys.executable, "-m", *self._program.arguments],
            environment=self._program.environment,
            log=self._log,
            folder=PROJECT,
        )
        return self._process.pid

    async def ready(self) -> None:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            while True:
                if await _is_ok(http, self._program.ready_url):
                    return
                await sleep(_POLL_SECONDS)

    async def exited(self) -> int:
        if self._process is None:
            raise OperationError(f"{self.name} was not started")
        return await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None:
            await processes.stop(self._process, _STOP_STEPS)

    def explain(self) -> str:
        return processes.tail(self._log)


@dataclass(frozen=True, slots=True)
class BackingChild:
    """A backing service that `launch` starts and waits for."""

    name: str
    launch: Callable[[], Awaitable[int | None]]
    wait: Callable[[], Awaitable[int]]
    end: Callable[[], Awaitable[None]]

    async def start(self) -> int | None:
        return await self.launch()

    async def ready(self) -> None:
        """It is when `start` has returned."""

    async def exited(self) -> int:
        return await self.wait()

    async def stop(self) -> None:
        await self.end()

    def explain(self) -> str:
        return ""


async def _is_ok(http: httpx.AsyncClient, url: str) -> bool:
    try:
        answer = await http.get(url)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
