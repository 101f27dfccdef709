"""What the gateway takes and answers with."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Credentials(_Shape):
    username: str = Field(max_length=512)
    password: str = Field(max_length=4096, repr=False)


class SessionUser(_Shape):
    id: UUID
    username: str


class SessionTenant(_Shape):
    id: UUID
    shop_domain: str
    role: str


class Session(_Shape):
    user: SessionUser
    tenant: SessionTenant
    expires_at: AwareDatetime


class Claim(_Shape):
    tenant_id: UUID
    shop_domain: str
    needs_owner: bool
    expires_at: AwareDatetime


class PullError(_Shape):
    code: str
    message: str


class PullEntity(_Shape):
    entity: Literal["customers", "orders", "products"]
    state: Literal["waiting", "exporting", "importing", "done", "failed"]
    done: int
    expected: int | None
    records_per_second: float | None = Field(
        default=None, description="Over the last half minute; null while that is not known."
    )


class PullStatus(_Shape):
    id: UUID
    kind: str
    state: Literal["queued", "running", "succeeded", "failed", "mismatch"]
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    records_processed: int
    seconds_left: int | None = Field(
        default=None, description="Until the pull ends, at its present pace; null while unknown."
    )
    errors: list[PullError]
    entities: list[PullEntity]


class Freshness(_Shape):
    data_version: str = Field(description="Grows with every change of the tenant's data.")
    changed_at: AwareDatetime | None


class ConnectedTenant(_Shape):
    """What the oauth service says of a tenant."""

    id: UUID
    shop_domain: str
    status: Literal["active", "disconnected", "reconnect_required"]
    connected_at: AwareDatetime
    scopes: list[str]


class ShopFacts(_Shape):
    name: str
    currency: str
    zone: str
    plan: str | None
    history_since: date | None


class IngestionStatus(_Shape):
    """What the ingestor says of a tenant. No shop until its facts have arrived."""

    shop: ShopFacts | None
    pull: PullStatus | None
    freshness: Freshness


class CurrentShop(_Shape):
    domain: str
    name: str
    currency: str
    zone: str
    plan: str | None


class CurrentTenant(_Shape):
    id: UUID
    tenant_id: UUID
    shop: CurrentShop | None = Field(description="Null until the shop's facts have arrived.")
    scopes: list[str] = Field(description="What the shop lets us read; empty once disconnected.")
    shop_domain: str
    name: str | None
    currency: str | None
    zone: str | None
    status: Literal["active", "disconnected", "reconnect_required"]
    connected_at: AwareDatetime
    history_since: date | None
    pull: PullStatus | None
    freshness: Freshness


class DataRequest(_Shape):
    """One request of a customer, by way of Shopify, to see what is held on them."""

    id: UUID
    customer_id: str
    requested_at: AwareDatetime
    expires_at: AwareDatetime = Field(description="From then on the file is gone.")
    bytes: int | None = Field(description="The size of the file; null once it is gone.")


class DataRequests(_Shape):
    data_requests: list[DataRequest]


class Confirmation(_Shape):
    confirm: str = Field(max_length=512, description="The shop's domain, to show that it is meant.")
