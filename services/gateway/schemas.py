"""What the gateway takes and answers with."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class PullError(Shape):
    entity: str | None = Field(description="Null where the whole pull is meant.")
    code: str
    message: str


class PullEntity(Shape):
    entity: Literal["customers", "orders", "products"]
    state: Literal["waiting", "exporting", "importing", "done", "failed"]
    done: int
    expected: int | None
    records_per_second: float | None = Field(
        default=None, description="Over the last half minute; null while that is not known."
    )


class FurtherEntity(Shape):
    """What a shop holds besides customers, orders and products."""

    entity: str
    state: Literal["waiting", "exporting", "importing", "done", "failed", "skipped"] = Field(
        description="Skipped: the shop gave no access to it."
    )
    done: int = Field(description="Objects read, or their owners where Shopify lists those.")
    expected: int | None
    records: int = Field(description="Kept here and not deleted.")


class PullProof(Shape):
    """What a pull found where it compared our counts with Shopify's."""

    compared: int = Field(description="Counts, each of one entity.")
    differing: int = Field(description="How many of these differ still, after the repair.")
    repaired: int = Field(description="Records that were missing or too many, and put right.")


class Pull(Shape):
    id: UUID
    kind: Literal["backfill", "reconciliation"]
    scope: Literal["all", "changes", "range"] = Field(description="What it reads.")
    state: Literal["queued", "running", "succeeded", "failed", "mismatch"]
    requested_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    records_processed: int = Field(description="Customers, orders and products.")
    errors: list[PullError]
    proof: PullProof | None = Field(
        description="Null while the pull compared nothing: most pulls of what changed do not."
    )


class PullStatus(Pull):
    seconds_left: int | None = Field(
        default=None, description="Until the pull ends, at its present pace; null while unknown."
    )
    entities: list[PullEntity]
    further_entities: list[FurtherEntity] = Field(description="Applied after the sales.")


class Pulls(Shape):
    pulls: list[Pull] = Field(description="The newest first.")


class PullRange(Shape):
    """Days of the shop's zone, both included; no bound where one is left out."""

    model_config = ConfigDict(extra="forbid")

    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="to")


class PullQueued(Shape):
    id: UUID


class EntityProof(Shape):
    """Records that are not deleted, test orders included."""

    entity: str
    ours: int
    shopify: int
    drift: int = Field(description="How many were too many here before the repair; negative: few.")
    repaired: int = Field(description="How many of these were put right that day.")
    checked_at: AwareDatetime


class Proof(Shape):
    """The newest comparison of each entity with Shopify's own count."""

    checked_at: AwareDatetime
    entities: list[EntityProof]


class TenantSettings(Shape):
    pull_interval_minutes: int | None = Field(description="Null before the first pull.")
    include_test_orders: bool
    paused: bool = Field(description="Whether the scheduled pulls are stopped.")


class SettingsChange(Shape):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    pull_interval_minutes: int | None = Field(default=None, ge=5, le=1440)
    include_test_orders: bool | None = None
    paused: bool | None = None


class Freshness(Shape):
    data_version: str = Field(description="Grows with every change of the tenant's data.")
    changed_at: AwareDatetime | None


class ConnectedTenant(Shape):
    """What the oauth service says of a tenant."""

    id: UUID
    shop_domain: str
    status: Literal["active", "disconnected", "reconnect_required"]
    connected_at: AwareDatetime
    scopes: list[str]
    erasure_grace_hours: float


class ShopFacts(Shape):
    name: str
    currency: str
    zone: str
    plan: str | None
    history_since: date | None


class UnmappedTopic(Shape):
    topic: str
    deliveries: int
    last_at: AwareDatetime


class UnknownField(Shape):
    topic: str
    field: str = Field(description="Its name; * for all whose names are not kept.")
    deliveries: int
    first_at: AwareDatetime
    last_at: AwareDatetime


class UnreadableField(Shape):
    topic: str = Field(description="Of deliveries; of what was pulled, the name of the entity.")
    field: str = Field(
        description="Its place in the body; * for an object that was left out whole."
    )
    records: int
    first_at: AwareDatetime
    last_at: AwareDatetime


class IngestionStatus(Shape):
    """What the ingestor says of a tenant. No shop until its facts have arrived."""

    shop: ShopFacts | None
    pull: PullStatus | None = Field(description="The pull of the whole history.")
    last_pull: Pull | None = Field(description="The newest that has ended.")
    next_pull_at: AwareDatetime | None
    proof: Proof | None = Field(description="Null until the first comparison.")
    settings: TenantSettings
    unmapped_topics: list[UnmappedTopic] = Field(
        description="Deliveries that arrived and carry nothing that is kept."
    )
    unknown_fields: list[UnknownField] = Field(
        description="Top-level fields of deliveries that Shopify's published bodies do not have."
    )
    unreadable_fields: list[UnreadableField] = Field(
        description="Fields whose value was left out of some records, as it could not be read."
    )
    freshness: Freshness


class CurrentTenant(Shape):
    """Name, currency, zone and plan are null until the shop's facts have arrived."""

    id: UUID
    scopes: list[str] = Field(description="What the shop lets us read; empty once disconnected.")
    shop_domain: str
    name: str | None
    currency: str | None
    zone: str | None
    plan: str | None
    status: Literal["active", "disconnected", "reconnect_required"]
    connected_at: AwareDatetime
    history_since: date | None
    pull: PullStatus | None
    settings: TenantSettings
    freshness: Freshness
    erasure_grace_hours: float = Field(
        description="How long an erasure can be stopped once it is asked for."
    )


class DataRequest(Shape):
    """One request of a customer, by way of Shopify, to see what is held on them."""

    id: UUID
    customer_id: str
    requested_at: AwareDatetime
    expires_at: AwareDatetime = Field(description="From then on the file is gone.")
    bytes: int | None = Field(description="The size of the file; null once it is gone.")


class DataRequests(Shape):
    data_requests: list[DataRequest]


class Confirmation(Shape):
    confirm: str = Field(max_length=512, description="The shop's domain, to show that it is meant.")
    password: str = Field(max_length=4096, repr=False, description="The user's own, once more.")


class ErasureScheduled(Shape):
    due_at: AwareDatetime = Field(description="Connecting the shop again before it keeps the data.")
