"""Internal routes by which a tenant is disconnected or erased, and an operator watches over it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import TenantNotFoundError
from libs.common.web.callers import Caller
from services.oauth import brake, departures, erasures, offboarding, repository
from services.oauth.departures import Waiting
from services.oauth.erasures import Erasure, State
from services.oauth.routes import known
from services.oauth.verification import Rules

SHOP_REDACT = "shop_redact"


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class DueAnswer(_Answer):
    due_at: datetime


class ErasureAnswer(_Answer):
    """Rows may go when `state` is `running` or `done`. `scheduled`: not before `due_at`."""

    tenant_id: UUID
    state: State
    due_at: datetime | None


class ListedErasure(_Answer):
    """`undecided`: Shopify is being asked. `held`: it cannot be, and a person must decide."""

    tenant_id: UUID
    shop: str
    cause: str
    state: Literal["undecided", "held"] | State
    requested_at: datetime
    due_at: datetime | None


class ErasuresAnswer(_Answer):
    """`stopped_at` is set while the brake is on: then nothing is disconnected or erased."""

    stopped_at: datetime | None
    departures_last_hour: int
    departures_limit: int
    erasures: list[ListedErasure]


class ResumedAnswer(_Answer):
    """`resumed` is False when nothing was stopped."""

    resumed: bool


class Erased(BaseModel):
    """How many rows of each table a service has deleted."""

    counts: dict[str, int]


def departure_routes(engine: AsyncEngine, rules: Rules) -> APIRouter:
    """What an owner asks for. The gateway has looked at who may."""
    router = APIRouter(prefix="/internal")

    @router.post("/tenants/{tenant_id}/disconnect", status_code=204)
    async def disconnect(tenant_id: UUID) -> None:
        async def work(tx: Transaction) -> None:
            shop = known(await repository.lock_shop(tx, tenant_id))
            await offboarding.disconnect(tx, shop, "owner")

        await in_transaction(engine, work)

    @router.delete("/tenants/{tenant_id}", status_code=202)
    async def erase(tenant_id: UUID) -> DueAnswer:
        due_at = utc_now() + rules.erasure_grace

        async def work(tx: Transaction) -> datetime:
            shop = known(await repository.lock_shop(tx, tenant_id))
            return await offboarding.schedule_erasure(tx, shop, "owner", due_at)

        return DueAnswer(due_at=await in_transaction(engine, work))

    return router


def holder_routes(engine: AsyncEngine) -> APIRouter:
    """For the services that hold rows of a tenant: they ask, delete, and report."""
    router = APIRouter(prefix="/internal/erasures")

    @router.get("/{tenant_id}")
    async def erasure(tenant_id: UUID) -> ErasureAnswer:
        """Asked before rows go: the event that says so comes over the broker, where others could
        have written it.
        """
        async with transaction(engine) as tx:
            found = await erasures.erasure_of(tx, tenant_id)
        if found is None:
            raise TenantNotFoundError("There is no erasure of this tenant.")
        return ErasureAnswer(tenant_id=tenant_id, state=found.state, due_at=found.due_at)

    @router.post("/{tenant_id}", status_code=204)
    async def report(tenant_id: UUID, caller: Caller, erased: Erased) -> None:
        async def work(tx: Transaction) -> None:
            await offboarding.take_report(tx, tenant_id, caller.caller, erased.counts)

        await in_transaction(engine, work)

    return router


def operator_routes(engine: AsyncEngine, rules: Rules) -> APIRouter:
    """For the operator: all erasures, and the brake."""
    router = APIRouter(prefix="/internal")

    @router.get("/erasures")
    async def list_all() -> ErasuresAnswer:
        now = utc_now()
        async with transaction(engine) as tx:
            waiting = await departures.list_waiting(tx)
            found = await erasures.list_erasures(tx, now)
            state = await brake.read_brake(tx, now)
        return ErasuresAnswer(
            stopped_at=state.stopped_at,
            departures_last_hour=state.counted,
            departures_limit=rules.departures_an_hour,
            erasures=[*map(_waiting, waiting), *map(_listed, found)],
        )

    @router.post("/departures/resume")
    async def resume() -> ResumedAnswer:
        async def work(tx: Transaction) -> bool:
            return await brake.resume(tx, utc_now())

        return ResumedAnswer(resumed=await in_transaction(engine, work))

    return router


def decision_routes(engine: AsyncEngine) -> APIRouter:
    """For the operator: one tenant's erasure is cancelled, or made due."""
    router = APIRouter(prefix="/internal/erasures")

    @router.post("/{tenant_id}/cancel", status_code=204)
    async def cancel(tenant_id: UUID) -> None:
        async def work(tx: Transaction) -> None:
            known(await repository.lock_shop(tx, tenant_id))
            if not await offboarding.call_off(tx, tenant_id):
                raise TenantNotFoundError("No erasure of this tenant can be cancelled.")

        await in_transaction(engine, work)

    @router.post("/{tenant_id}/run", status_code=202)
    async def run(tenant_id: UUID) -> DueAnswer:
        async def work(tx: Transaction) -> datetime:
            shop = known(await repository.lock_shop(tx, tenant_id))
            due_at = await offboarding.run_now(tx, shop)
            if due_at is None:
                raise TenantNotFoundError("There is no erasure of this tenant to run.")
            return due_at

        return DueAnswer(due_at=await in_transaction(engine, work))

    return router


def _waiting(waiting: Waiting) -> ListedErasure:
    return ListedErasure(
        tenant_id=waiting.tenant_id,
        shop=waiting.domain,
        cause=SHOP_REDACT,
        state="held" if waiting.held else "undecided",
        requested_at=waiting.received_at,
        due_at=None,
    )


def _listed(erasure: Erasure) -> ListedErasure:
    """Of a shop that is forgotten the hash of its domain is left."""
    return ListedErasure(
        tenant_id=erasure.tenant_id,
        shop=erasure.domain or erasure.domain_hash.hex(),
        cause=erasure.cause,
        state=erasure.state,
        requested_at=erasure.requested_at,
        due_at=erasure.due_at,
    )
