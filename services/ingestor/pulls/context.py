"""What every step of one pull works with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction
from libs.common.errors import TransientError
from services.ingestor.export_ends import ExportEnds
from services.ingestor.pulls import leases
from services.ingestor.pulls.leases import Claim
from services.ingestor.pulls.progress import Progress
from services.ingestor.shopify.bulk import EXPORTS_AT_ONCE
from services.ingestor.shopify.graphql import ShopifyClient

_FURTHER_AT_ONCE = EXPORTS_AT_ONCE - 2
"""However long these hang, sales can begin an export anew."""

_Result = TypeVar("_Result")


async def write_held(
    engine: AsyncEngine,
    claim: Claim,
    progress: Progress,
    work: Callable[[Transaction], Awaitable[_Result]],
    *,
    say_now: bool = False,
) -> _Result:
    """Run `work` in a transaction that commits only while the lease is ours.

    Raises LeaseLostError. A hint follows, at once with `say_now`.
    """

    async def guarded(tx: Transaction) -> _Result:
        await leases.hold(tx, claim)
        result = await work(tx)
        # Longer than a lease lasts, perhaps; and perhaps it gave the lease back.
        await leases.prolong(tx, claim)
        await progress.read(tx, now=say_now)
        return result

    result = await in_transaction(engine, guarded, tenants=[claim.tenant_id])
    await progress.announce()
    return result


class NoTurnError(TransientError):
    """Enough wait already. Let another worker have it, or come again."""

    code = "PULL_HAS_NO_TURN"


class Turns:
    """Places that are few; as many more may wait for one, which `waiting` counts."""

    def __init__(self, places: int) -> None:
        self._at_most = places
        self._places = asyncio.Semaphore(places)
        self.waiting = 0

    async def __aenter__(self) -> None:
        """Raises NoTurnError."""
        if self._places.locked() and self.waiting >= self._at_most:
            raise NoTurnError("The pulls of other large shops come first.")
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._places.release()


@dataclass(frozen=True, slots=True)
class PullContext:
    """`folder` is private to this pull and goes with it.

    `export_turns` are the shop's bulk queries at Shopify, of which exports of further entities
    also need one of the `further_turns`; `export_starts` lets them begin in the order in which they
    are wanted. `large_turns` are shared by the worker's pulls of large shops.
    """

    engine: AsyncEngine
    claim: Claim
    client: ShopifyClient
    progress: Progress
    folder: Path
    webhooks_url: str
    export_turns: asyncio.Semaphore
    export_ends: ExportEnds
    large_turns: Turns
    export_starts: asyncio.Lock = field(default_factory=asyncio.Lock)
    further_turns: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_FURTHER_AT_ONCE)
    )

    async def write(
        self, work: Callable[[Transaction], Awaitable[_Result]], *, say_now: bool = False
    ) -> _Result:
        """See `write_held`."""
        return await write_held(self.engine, self.claim, self.progress, work, say_now=say_now)
