"""The internal routes: what other services ask about tenants, and what ends one."""

from datetime import datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import TenantNotFoundError
from services.oauth import repository
from services.oauth.erasures import erasure_of
from services.oauth.repository import Shop
from services.oauth.tokens import Tokens, ValidToken

_NO_STORE = {"Cache-Control": "no-store"}


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ScheduledErasure(_Answer):
    """Nobody may read the tenant any more, and its rows go at `due_at`."""

    due_at: datetime
    cause: str


class TenantAnswer(_Answer):
    id: UUID
    shop_domain: str
    status: str
    connected_at: datetime
    scopes: list[str]
    erasure: ScheduledErasure | None
    erasure_grace_hours: float
    """From an owner's request to the deletion."""


class TokenAnswer(_Answer):
    access_token: str
    expires_at: datetime | None
    scopes: list[str]
    shop_domain: str


def tenant_routes(engine: AsyncEngine, tokens: Tokens, erasure_grace: timedelta) -> APIRouter:
    router = APIRouter(prefix="/internal/tenants")
    grace_hours = erasure_grace / timedelta(hours=1)

    @router.get("/{tenant_id}")
    async def tenant(tenant_id: UUID) -> TenantAnswer:
        async with transaction(engine) as tx:
            shop = known(await repository.shop(tx, tenant_id))
            pair = await repository.credentials_of(tx, tenant_id)
            erasure = await erasure_of(tx, tenant_id)
        return TenantAnswer(
            id=shop.tenant_id,
            shop_domain=shop.domain,
            status=shop.status,
            connected_at=shop.connected_at,
            scopes=[] if pair is None else pair.scopes,
            erasure=erasure and ScheduledErasure(due_at=erasure.due_at, cause=erasure.cause),
            erasure_grace_hours=grace_hours,
        )

    @router.post("/{tenant_id}/token")
    async def token(tenant_id: UUID, response: Response) -> TokenAnswer:
        return token_answer(response, await tokens.valid_token(tenant_id))

    return router


def known(shop: Shop | None) -> Shop:
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
