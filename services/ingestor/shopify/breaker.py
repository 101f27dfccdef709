"""Lets calls to a shop through while its circuit is closed, and tells the circuit what they met.

Only that Shopify does not answer, or answers with a fault of its own, is a failure. Throttling
and a call that was given up say nothing; any other answer, a refusal too, shows that it works.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from libs.common.errors import (
    PermanentError,
    ShopifyCircuitOpenError,
    ShopifyUnavailableError,
    TransientError,
)
from libs.common.logs import get_logger
from services.ingestor.shopify.circuits import Circuit, LocalCircuit, View

_BELIEVE_SECONDS = 1.0
"""How long a circuit that was seen closed is taken for closed. While all is well, PostgreSQL is
asked that often at most, and nothing is written."""
_AWAY_SECONDS = 5.0

_Answer = TypeVar("_Answer")

log = get_logger()


class _Permit(NamedTuple):
    circuit: Circuit
    view: View


class Breaker:
    """One tenant's. While the `shared` circuit cannot be reached, one of our own stands in."""

    def __init__(
        self, shared: Circuit | None = None, *, believe_seconds: float = _BELIEVE_SECONDS
    ) -> None:
        self._shared = shared
        self._local = LocalCircuit()
        self._believe_seconds = believe_seconds
        self._closed: _Permit | None = None
        self._believed_until = 0.0
        self._away_until = 0.0

    async def call(self, work: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """What `work` returns or raises. Raises ShopifyCircuitOpenError without calling it."""
        permit = await self._admit()
        try:
            answer = await work()
        except ShopifyUnavailableError:
            await self._failed(permit)
            raise
        except PermanentError:
            await self._succeeded(permit)
            raise
        except BaseException:
            await self._released(permit)
            raise
        await self._succeeded(permit)
        return answer

    async def _admit(self) -> _Permit:
        permit = await self._ask()
        if permit.view.wait_seconds is not None:
            raise ShopifyCircuitOpenError(
                "Shopify failed several times in a row for this shop; it is left alone for now.",
                retry_after_seconds=permit.view.wait_seconds,
            )
        return permit

    async def _ask(self) -> _Permit:
        now = asyncio.get_running_loop().time()
        if self._closed is not None and now < self._believed_until:
            return self._closed
        if self._shared is not None and now >= self._away_until:
            try:
                return self._believe(_Permit(self._shared, await self._shared.ask()))
            except TransientError as error:
                self._note_away(error)
        return _Permit(self._local, await self._local.ask())

    async def _failed(self, permit: _Permit) -> None:
        circuit = permit.circuit
        try:
            view = await circuit.failed(permit.view.probe)
        except TransientError as error:
            self._note_away(error)
            circuit = self._local
            view = await circuit.failed(None)
        if view is None:
            self._believed_until = 0.0
            return
        self._believe(_Permit(circuit, view))
        if view.wait_seconds is not None:
            log.warning("shopify_circuit_opened", failures=view.failures)

    async def _succeeded(self, permit: _Permit) -> None:
        if permit.view.failures == 0:
            return
        try:
            await permit.circuit.succeeded(permit.view.probe)
        except TransientError as error:
            self._note_away(error)
            return
        self._believe(_Permit(permit.circuit, View(0)))
        if permit.view.probe is not None:
            log.info("shopify_circuit_closed")

    async def _released(self, permit: _Permit) -> None:
        if permit.view.probe is None:
            return
        try:
            # The task may be about to end; its probe shall not block others for a minute.
            await asyncio.shield(permit.circuit.released(permit.view.probe))
        except TransientError as error:
            self._note_away(error)

    def _believe(self, permit: _Permit) -> _Permit:
        view = permit.view
        is_closed = view.wait_seconds is None and view.probe is None
        if is_closed and permit.circuit is self._shared:
            self._closed = permit
            self._believed_until = asyncio.get_running_loop().time() + self._believe_seconds
        else:
            self._believed_until = 0.0
        return permit

    def _note_away(self, error: Exception) -> None:
        self._believed_until = 0.0
        self._away_until = asyncio.get_running_loop().time() + _AWAY_SECONDS
        log.warning("shopify_circuit_not_shared", error=type(error).__name__)
