"""What a pull remembers about itself: how far it is with each entity, and what went wrong."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from libs.common.errors import PlatformError
from services.ingestor.facts import Entity
from services.ingestor.pulls.pace import Mark
from services.ingestor.shopify.windows import Window

ENTITIES: tuple[Entity, ...] = ("customers", "orders", "products")
"""The order in which they are applied; the further entities come after them."""

EntityState: TypeAlias = Literal["waiting", "exporting", "importing", "done", "failed", "skipped"]
"""Skipped is what the shop gave us no access to."""


PullScope: TypeAlias = Literal["all", "changes", "range"]
PullState: TypeAlias = Literal["queued", "running", "succeeded", "failed", "mismatch"]


class PullError(msgspec.Struct, frozen=True):
    """For the merchant; without personal data. `entity` is None where the whole pull is meant."""

    entity: Entity | None
    code: str
    message: str

    @classmethod
    def of(cls, error: PlatformError, entity: Entity | None = None) -> "PullError":
        return cls(entity, error.code, error.message)


class Slice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One export, and how far it is applied: the records created in `window`.

    `attempt` counts the exports of this slice in this pull. `snapshot_at`, by Shopify's clock, is
    the moment that the file shows; `parts` is how the file is joined.
    """

    window: Window = Window()
    attempt: int = 1
    operation_id: str | None = None
    snapshot_at: datetime | None = None
    expected: int | None = None
    size: int | None = None
    parts: int | None = None
    applied: int = 0
    done: bool = False

    def renewed(self) -> "Slice":
        """For another export, from its first root."""
        return Slice(window=self.window, attempt=self.attempt + 1)


class Changes(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the pages of what changed are read: all up to `until`, by the objects' own time."""

    until: datetime
    applied: int = 0
    done: bool = False


class Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a successor goes on: the slices of an entity, in the order they are applied in, or
    the pages of its changes.

    `drift` is how many records we had too much when they were compared; None until they differed.
    `repaired` is how many were put right by then; None until the pull has compared them itself.
    `mismatch` says that they differ for good. `marks` show how fast it went lately.
    """

    slices: tuple[Slice, ...] = ()
    changes: Changes | None = None
    error: PullError | None = None
    drift: int | None = None
    repaired: int | None = None
    mismatch: bool = False
    marks: tuple[Mark, ...] = ()

    @property
    def applied(self) -> int:
        changed = self.changes.applied if self.changes else 0
        return changed + sum(each.applied for each in self.slices)

    @property
    def expected(self) -> int | None:
        """None until every export has told how many roots it has."""
        counts = [each.expected for each in self.slices if each.expected is not None]
        return sum(counts) if counts and len(counts) == len(self.slices) else None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


class EntityProgress(msgspec.Struct, frozen=True):
    entity: Entity
    state: EntityState
    checkpoint: Checkpoint


class Trouble(msgspec.Struct, frozen=True):
    """What keeps a pull from going on for now, and since when."""

    code: str
    message: str
    since: datetime
    entity: None = None
