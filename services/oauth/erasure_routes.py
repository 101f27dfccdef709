"""Whether a tenant is being erased: asked by who holds rows of it, before any of them goes.

The event that tells of an erasure comes over the broker, where others could have written it.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import TenantNotFoundError
from libs.common.identity import CallerIdentity
from services.oauth.erasures import State, erasure_of
from services.oauth.routes import Identify, require_same


class ErasureAnswer(BaseModel):
    """Rows may go when `state` is `running` or `done`. `scheduled`: not before `due_at`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    tenant_id: UUID
    state: State
    due_at: datetime | None


def erasure_routes(engine: AsyncEngine, holders: Identify) -> APIRouter:
    router = APIRouter(prefix="/internal/erasures")

    @router.get("/{tenant_id}")
    async def erasure(
        tenant_id: UUID, identity: Annotated[CallerIdentity, Depends(holders)]
    ) -> ErasureAnswer:
        require_same(identity, tenant_id)
        async with transaction(engine) as tx:
            found = await erasure_of(tx, tenant_id)
        if found is None:
            raise TenantNotFoundError("There is no erasure of this tenant.")
        return ErasureAnswer(tenant_id=found.tenant_id, state=found.state, due_at=found.due_at)

    return router
