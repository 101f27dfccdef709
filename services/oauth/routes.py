"""The internal routes: what other services ask about tenants, and what ends one."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction, transaction
from libs.common.errors import CallerRefusedError, TenantNotFoundError
from libs.common.identity import CallerIdentity
from services.oauth import departures, repository
from services.oauth.repository import Shop
from services.oauth.tokens import Tokens, ValidToken

Identify = Callable[[Request], CallerIdentity]

_NO_STORE = {"Cache-Control": "no-store"}


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class TenantAnswer(_Answer):
    id: UUID
    shop_domain: str
    status: str
    connected_at: datetime
    scopes: list[str]


class TokenAnswer(_Answer):
    access_token: str
    expires_at: datetime | None
    scopes: list[str]
    shop_domain: str


class Erased(BaseModel):
    """How many rows of each table a service has deleted."""

    counts: dict[str, int]


def tenant_routes(
    engine: AsyncEngine, tokens: Tokens, readers: Identify, ingestor: Identify
) -> APIRouter:
    router = APIRouter(prefix="/internal/tenants")

    @router.get("/{tenant_id}")
    async def tenant(
        tenant_id: UUID, identity: Annotated[CallerIdentity, Depends(readers)]
    ) -> TenantAnswer:
        require_same(identity, tenant_id)
        async with transaction(engine) as tx:
            shop = _known(await repository.shop(tx, tenant_id))
            pair = await repository.credentials_of(tx, tenant_id)
        return TenantAnswer(
            id=shop.tenant_id,
            shop_domain=shop.domain,
            status=shop.status,
            connected_at=shop.connected_at,
            scopes=[] if pair is None else pair.scopes,
        )

    @router.post("/{tenant_id}/token")
    async def token(
        tenant_id: UUID,
        identity: Annotated[CallerIdentity, Depends(ingestor)],
        response: Response,
    ) -> TokenAnswer:
        require_same(identity, tenant_id)
        return token_answer(response, await tokens.valid_token(tenant_id))

    return router


def departure_routes(engine: AsyncEngine, gateway: Identify, reporters: Identify) -> APIRouter:
    """What ends a tenant's connection, or the tenant. The gateway has asked who may."""
    router = APIRouter(prefix="/internal")

    @router.post("/tenants/{tenant_id}/disconnect", status_code=204)
    async def disconnect(
        tenant_id: UUID, identity: Annotated[CallerIdentity, Depends(gateway)]
    ) -> None:
        require_same(identity, tenant_id)

        async def work(tx: Transaction) -> None:
            shop = _known(await repository.lock_shop(tx, tenant_id))
            await departures.disconnect(tx, shop, "owner")

        await in_transaction(engine, work)

    @router.delete("/tenants/{tenant_id}", status_code=204)
    async def erase(tenant_id: UUID, identity: Annotated[CallerIdentity, Depends(gateway)]) -> None:
        require_same(identity, tenant_id)

        async def work(tx: Transaction) -> None:
            shop = _known(await repository.lock_shop(tx, tenant_id))
            await departures.begin_erasure(tx, shop, "owner")

        await in_transaction(engine, work)

    @router.post("/erasures/{tenant_id}", status_code=204)
    async def report(
        tenant_id: UUID, identity: Annotated[CallerIdentity, Depends(reporters)], erased: Erased
    ) -> None:
        require_same(identity, tenant_id)

        async def work(tx: Transaction) -> None:
            await departures.take_report(tx, tenant_id, identity.caller, erased.counts)

        await in_transaction(engine, work)

    return router


def _known(shop: Shop | None) -> Shop:
    if shop is None:
        raise TenantNotFoundError("There is no such tenant.")
    return shop


def token_answer(response: Response, valid: ValidToken) -> TokenAnswer:
    response.headers.update(_NO_STORE)
    return TokenAnswer(
        access_token=valid.access_token.get_secret_value(),
        expires_at=valid.expires_at,
        scopes=valid.scopes,
        shop_domain=valid.shop_domain,
    )


def require_same(identity: CallerIdentity, tenant_id: UUID) -> None:
    if identity.tenant_id not in (None, tenant_id):
        raise CallerRefusedError("the caller's token is for another tenant")
