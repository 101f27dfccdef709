"""One entity of a running pull: its checkpoint in memory, always as it was last committed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import msgspec

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from services.ingestor.facts import Entity
from services.ingestor.pulls import repository
from services.ingestor.pulls.context import PullContext
from services.ingestor.pulls.pace import with_mark
from services.ingestor.pulls.state import Checkpoint, EntityProgress, EntityState, PullError, Slice

_Result = TypeVar("_Result")
_Change: TypeAlias = Callable[[Checkpoint], Checkpoint]


async def _nothing(_tx: Transaction) -> None:
    return None


class RunningEntity:
    """Exports of one entity run side by side and share its row, so they write it in turn."""

    def __init__(self, pull: PullContext, progress: EntityProgress) -> None:
        self.pull = pull
        self.entity: Entity = progress.entity
        self.state: EntityState = progress.state
        self.checkpoint = progress.checkpoint
        self._turn = asyncio.Lock()

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
        await self._save(self.state, _changing(number, changes), _nothing)
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
        return await self._save("importing", lambda held: _marked(change(held)), work, now=False)

    async def finish(self, error: PullError | None) -> None:
        """To `done`, or to `failed` with the reason."""
        await self._save(
            "failed" if error else "done",
            lambda held: msgspec.structs.replace(held, error=error, marks=()),
            _nothing,
        )

    async def _save(
        self,
        state: EntityState,
        change: _Change,
        work: Callable[[Transaction], Awaitable[_Result]],
        *,
        expected: int | None = None,
        now: bool = True,
    ) -> _Result:
        async with self._turn:
            after = change(self.checkpoint)
            known = expected if after.expected is None else after.expected

            async def both(tx: Transaction) -> _Result:
                result = await work(tx)
                await repository.save_progress(
                    tx, self.pull.claim, self.entity, state, after, expected=known
                )
                return result

            result = await self.pull.write(both, say_now=now)
            self.checkpoint, self.state = after, state
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
