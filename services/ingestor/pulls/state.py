"""What a pull remembers about itself: how far it is with each entity, and what went wrong."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from libs.common.errors import PlatformError
from services.ingestor.facts import Entity
from services.ingestor.pulls.pace import Mark

ENTITIES: tuple[Entity, ...] = ("customers", "orders", "products")
"""The order in which they are applied."""

EntityState: TypeAlias = Literal["waiting", "exporting", "importing", "done", "failed"]
PullState: TypeAlias = Literal["queued", "running", "succeeded", "failed", "mismatch"]


class PullError(msgspec.Struct, frozen=True):
    """For the merchant; without personal data. `entity` is None where the whole pull is meant."""

    entity: Entity | None
    code: str
    message: str

    @classmethod
    def of(cls, error: PlatformError, entity: Entity | None = None) -> "PullError":
        return cls(entity, error.code, error.message)


class Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a successor goes on: the export, how it is joined, and how many roots are applied.

    `attempt` counts exports of this entity in this pull; `marks` show how fast it went lately.
    """

    attempt: int = 1
    operation_id: str | None = None
    size: int | None = None
    parts: int | None = None
    applied: int = 0
    error: PullError | None = None
    mismatch: bool = False
    marks: tuple[Mark, ...] = ()

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def renewed(self) -> "Checkpoint":
        """For another export, from its first root."""
        return Checkpoint(attempt=self.attempt + 1)


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
