"""One entity of a running pull: its checkpoint in memory, always as it was last committed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

import msgspec

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from services.ingestor.facts import Entity
from services.ingestor.pulls import repository
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.pace import with_mark
from services.ingestor.pulls.repository import Proof
from services.ingestor.pulls.state import (
    Changes,
    Checkpoint,
    EntityProgress,
    EntityState,
    PullError,
    Slice,
)
from services.ingestor.shopify.windows import Window

_Result = TypeVar("_Result")
_Change: TypeAlias = Callable[[Checkpoint], Checkpoint]


async def _nothing(_tx: Transaction) -> None:
    return None


class RunningEntity:
    """Exports of one entity run side by side and share its row, so they write it in turn."""

    def __init__(
        self, pull: PullContext, progress: EntityProgress, compared_since: datetime | None
    ) -> None:
        """Of what was created before `compared_since` Shopify may show nothing."""
        self.pull = pull
        self.compared_since = compared_since
        self.entity: Entity = progress.entity
        self.state: EntityState = progress.state
        self.checkpoint = progress.checkpoint
        self._turn = asyncio.Lock()

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Those of which its exports tell."""
        return (self.entity,)

    async def plan(self, slices: tuple[Slice, ...], records: int | None) -> None:
        """Write which exports there are to be; `records` is what Shopify counts until they tell."""
        await self._save(
            "exporting",
            lambda held: msgspec.structs.replace(held, slices=slices),
            _nothing,
            expected=records,
        )

    async def save_slice(self, number: int, **changes: object) -> Slice:
        """Write what became of one export, and say so at once."""
        await self._save(None, _changing(number, changes), _nothing)
        return self.checkpoint.slices[number]

    async def renew(self, number: int) -> Slice:
        """Forget an export that is of no use; what it brought stays, and is applied again."""
        renewed = self.checkpoint.slices[number].renewed()
        return await self.save_slice(number, **msgspec.structs.asdict(renewed))

    def begin_import(self) -> None:
        """From here on the pace is measured."""
        self.state = "importing"
        self.checkpoint = _marked(self.checkpoint)

    async def apply(
        self, number: int, roots: int, work: Callable[[Transaction], Awaitable[_Result]]
    ) -> _Result:
        """Run `work`, which applies the next `roots` of a slice, and note them: one commit."""
        applied = self.checkpoint.slices[number].applied + roots
        change = _changing(number, {"applied": applied})
        return await self._save(
            "importing", lambda held: _marked(change(held)), work, now=False, forward=True
        )

    async def begin_changes(self, since: datetime) -> None:
        """Write from where on the changes are to be read."""
        changes = Changes(since)
        await self._save(
            "importing", lambda held: msgspec.structs.replace(held, changes=changes), _nothing
        )

    async def apply_changes(
        self,
        records: int,
        newest: datetime | None,
        work: Callable[[Transaction], Awaitable[_Result]],
        *,
        last: bool,
    ) -> _Result:
        """Run `work`, which applies a page, and note how far the changes are read: one commit."""

        def read(held: Checkpoint) -> Checkpoint:
            before = held.changes or Changes(newest or utc_now())
            until = max(before.until, newest) if newest else before.until
            changes = Changes(until, before.applied + records, last)
            return _marked(msgspec.structs.replace(held, changes=changes))

        return await self._save("importing", read, work, now=last, forward=records > 0)

    async def add_slices(self, windows: Sequence[Window], drift: int) -> None:
        """More exports, of windows where our number is not Shopify's; `drift` is by how much."""
        more = tuple(Slice(window=window) for window in windows)

        def added(held: Checkpoint) -> Checkpoint:
            first = drift if held.drift is None else held.drift
            return msgspec.structs.replace(held, slices=(*held.slices, *more), drift=first)

        await self._save(None, added, _nothing)

    async def save_proof(self, proof: Proof) -> None:
        """Write a comparison down, for the day and for the pull: one commit."""
        differs = proof.ours != proof.shopify

        async def work(tx: Transaction) -> None:
            await repository.save_proof(tx, self.pull.claim, proof)

        def compared(held: Checkpoint) -> Checkpoint:
            mismatch = held.mismatch or differs
            return msgspec.structs.replace(held, repaired=proof.repaired, mismatch=mismatch)

        await self._save(None, compared, work)

    async def note_mismatch(self) -> None:
        await self._save(None, lambda held: msgspec.structs.replace(held, mismatch=True), _nothing)

    async def skip(self) -> None:
        """To `skipped`: the shop gave us no access to it."""
        await self._save("skipped", lambda held: held, _nothing)

    async def finish(self, error: PullError | None) -> None:
        """To `done`, or to `failed` with the reason."""
        await self._save(
            "failed" if error else "done",
            lambda held: msgspec.structs.replace(held, error=error, marks=()),
            _nothing,
            forward=error is None,
        )

    async def _save(
        self,
        state: EntityState | None,
        change: _Change,
        work: Callable[[Transaction], Awaitable[_Result]],
        *,
        expected: int | None = None,
        now: bool = True,
        forward: bool = False,
    ) -> _Result:
        async with self._turn:
            # Kept when None, as it is now: another export may have moved it while this one waited.
            following = state or self.state
            after = change(self.checkpoint)
            known = expected if after.expected is None else after.expected

            async def both(tx: Transaction) -> _Result:
                result = await work(tx)
                await repository.save_progress(
                    *(tx, self.pull.claim, self.entity, following, after),
                    expected=known,
                    forward=forward,
                )
                return result

            result = await self.pull.write(both, say_now=now)
            self.checkpoint, self.state = after, following
            return result


def _changing(number: int, changes: dict[str, object]) -> _Change:
    def changed(held: Checkpoint) -> Checkpoint:
        slices = list(held.slices)
        slices[number] = msgspec.structs.replace(slices[number], **changes)
        return msgspec.structs.replace(held, slices=tuple(slices))

    return changed


def _marked(checkpoint: Checkpoint) -> Checkpoint:
    marks = with_mark(checkpoint.marks, utc_now(), checkpoint.applied)
    return msgspec.structs.replace(checkpoint, marks=marks)
