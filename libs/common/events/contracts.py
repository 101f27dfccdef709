"""The events our services tell each other, one class each.

An event is a fact. A class may gain a field that older senders leave out, and change in no other
way: what needs more gets another class, of the next version. A hint is an event that may be lost:
the database is the truth.
"""

from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from libs.common.clock import utc_now
from libs.common.errors import MessageMalformedError
from libs.common.ids import new_id


class Event(BaseModel):
    """`TYPE` is what the broker routes by; the class's version stands at its end."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )
    TYPE: ClassVar[str]

    event_id: UUID = Field(default_factory=new_id)
    tenant_id: UUID
    occurred_at: AwareDatetime = Field(default_factory=utc_now)

    def to_json(self) -> bytes:
        return self.model_dump_json(by_alias=True).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Raises MessageMalformedError."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise MessageMalformedError("not such an event", reason="event_malformed") from error


class TenantConnected(Event):
    """A shop was connected, or connected again. Published by oauth; starts a backfill.

    `previous_status` is what the shop was before, and null where it was connected the first time.
    """

    TYPE = "tenant.connected.v1"
    shop_domain: str
    previous_status: str | None = None


class TenantDisconnected(Event):
    """The shop no longer lets us in. Published by oauth."""

    TYPE = "tenant.disconnected.v1"
    reason: str


class TenantErasureScheduled(Event):
    """The tenant's rows will go at `due_at`; until then nobody may read them. Published by oauth.

    Connecting the shop again before that cancels the erasure.
    """

    TYPE = "tenant.erasure_scheduled.v1"
    due_at: AwareDatetime
    cause: str


class TenantErasureCancelled(Event):
    """The tenant stays: its members may come in again. Published by oauth."""

    TYPE = "tenant.erasure_cancelled.v1"


class TenantErased(Event):
    """Every trace of the tenant must go. Published by oauth."""

    TYPE = "tenant.erased.v1"


class StoreChanged(Event):
    """Hint: the tenant's facts changed. Published by the ingestor after its commit."""

    TYPE = "store.changed.v1"
    data_version: int


class PullProgressed(Event):
    """Hint: a pull moved on; `pull` is the same object that the status answers with."""

    TYPE = "pull.progressed.v1"
    pull: dict[str, Any]
