"""A model of the circuit, and a machine that holds real breakers to it, step by step."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from libs.common.errors import (
    ShopifyCircuitOpenError,
    ShopifyRateLimitError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)
from services.ingestor.shopify.breaker import Breaker

_Result = TypeVar("_Result")

STEP_SECONDS = 25
"""Two steps end well before a minute is over, three well after it, however slow the machine."""

FAILURES = (ShopifyUnavailableError("away"),)
HEALTHY = (None, ShopifyRequestError("no"))
SILENT = (ShopifyRateLimitError("slow down"), asyncio.CancelledError())


class Workers(Protocol):
    """What the machine runs on: breakers of one tenant, and a way to let time pass."""

    breakers: list[Breaker]

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result: ...

    def pass_time(self, seconds: int) -> None: ...

    def stored(self) -> tuple[int, bool] | None:
        """Failures in a row and whether it is open, where that can be looked at."""


@dataclass(eq=False)
class OpenCall:
    """One call that has reached Shopify and has no answer yet."""

    task: "asyncio.Task[None]"
    answer: "asyncio.Future[None]"
    known_failures: int


class Model:
    """The promise, in a few lines: what design.md 6.6 says of the breaker."""

    def __init__(self) -> None:
        self.now = 0
        self.failures = 0
        self.retry_at: int | None = None
        self.probe: OpenCall | None = None
        self.probe_until = 0

    @property
    def admits(self) -> str:
        if self.retry_at is None:
            return "all"
        is_probed = self.probe is not None and self.now < self.probe_until
        return "none" if self.now < self.retry_at or is_probed else "one"

    def admitted(self, call: OpenCall) -> None:
        if self.retry_at is not None:
            self.probe, self.probe_until = call, self.now + 60

    def ended(self, call: OpenCall, outcome: BaseException | None) -> None:
        if self.retry_at is not None and self.probe is not call:
            return
        if outcome in FAILURES:
            self.failures += 1
            self.probe = None
            self.retry_at = self.now + 60 if self.failures >= 5 else None
        elif outcome in HEALTHY and call.known_failures:
            self.failures, self.retry_at, self.probe = 0, None, None
        elif self.probe is call:
            self.probe = None


class CircuitMachine(RuleBasedStateMachine):
    """Subclasses say on what workers; several calls of several workers are under way at once."""

    calls = Bundle("calls")

    def __init__(self, workers: Workers) -> None:
        super().__init__()
        self.workers = workers
        self.model = Model()
        self.open: list[OpenCall] = []

    @rule(caller=st.integers(0, 2), times=st.sampled_from([1, 4, 5]))
    def fail(self, caller: int, times: int) -> None:
        """One call after the other, for as long as they are let through."""
        for _ in range(times):
            for call in self._begin([caller]):
                self._finish(call, FAILURES[0])

    @rule(target=calls, callers=st.lists(st.integers(0, 2), min_size=1, max_size=6))
    def call_at_once(self, callers: list[int]) -> Any:
        return multiple(*self._begin(callers))

    def _begin(self, callers: list[int]) -> list[OpenCall]:
        admits, known = self.model.admits, self.model.failures
        started = self.workers.run(self._start([self.workers.breakers[n] for n in callers], known))
        assert len(started) == {"all": len(callers), "one": 1, "none": 0}[admits]
        for call in started:
            self.model.admitted(call)
        self.open += started
        return started

    @rule(call=consumes(calls), outcome=st.sampled_from([*FAILURES * 2, *HEALTHY, *SILENT]))
    def end(self, call: OpenCall, outcome: BaseException | None) -> None:
        self._finish(call, outcome)

    def _finish(self, call: OpenCall, outcome: BaseException | None) -> None:
        self.workers.run(self._end(call, outcome))
        self.open.remove(call)
        self.model.ended(call, outcome)

    @rule(call=consumes(calls))
    def lose_the_worker(self, call: OpenCall) -> None:
        """Its call never ends; a probe's lease does."""

    @rule(steps=st.sampled_from([1, 2, 3, 3]))
    def pass_time(self, steps: int) -> None:
        self.workers.pass_time(steps * STEP_SECONDS)
        self.model.now += steps * STEP_SECONDS

    @invariant()
    def the_stored_state_is_that_of_the_model(self) -> None:
        stored = self.workers.stored()
        assert stored in (None, (self.model.failures, self.model.retry_at is not None))

    def teardown(self) -> None:
        for call in self.open:
            self.workers.run(self._end(call, asyncio.CancelledError()))

    async def _start(self, breakers: list[Breaker], known_failures: int) -> list[OpenCall]:
        """Those that were let through; every other one must say when it may be tried again."""
        found = await asyncio.gather(*(self._start_one(each, known_failures) for each in breakers))
        return [call for call in found if call is not None]

    async def _start_one(self, breaker: Breaker, known_failures: int) -> OpenCall | None:
        reached = asyncio.Event()
        answer = asyncio.get_running_loop().create_future()

        async def work() -> None:
            reached.set()
            await answer

        task = asyncio.ensure_future(breaker.call(work))
        waiting = asyncio.ensure_future(reached.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if reached.is_set():
            return OpenCall(task, answer, known_failures)
        error = task.exception()
        assert isinstance(error, ShopifyCircuitOpenError)
        assert 1 <= (error.retry_after_seconds or 0) <= 60
        return None

    async def _end(self, call: OpenCall, outcome: BaseException | None) -> None:
        if isinstance(outcome, asyncio.CancelledError):
            call.task.cancel()
        elif outcome is None:
            call.answer.set_result(None)
        else:
            call.answer.set_exception(outcome)
        [met] = await asyncio.gather(call.task, return_exceptions=True)
        assert type(met) is type(outcome)
