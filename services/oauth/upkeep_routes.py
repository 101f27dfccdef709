"""Internal routes that keep tokens sound: one that Shopify refused, and the rotation of keys."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from services.oauth.rotation import BEFORE_ALL, Rotation
from services.oauth.routes import TokenAnswer, token_answer
from services.oauth.tokens import Tokens


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class RefusedToken(_Body):
    access_token: SecretStr


class RotationStart(_Body):
    after: UUID = BEFORE_ALL


class RotationAnswer(_Body):
    """See `Batch`."""

    key_id: str
    resealed: int
    shut: dict[str, int]
    left: int
    last: UUID | None


def upkeep_routes(tokens: Tokens, rotation: Rotation) -> APIRouter:
    router = APIRouter(prefix="/internal")

    @router.post("/tenants/{tenant_id}/token/refused")
    async def replace_refused_token(
        tenant_id: UUID, refused: RefusedToken, response: Response
    ) -> TokenAnswer:
        return token_answer(response, await tokens.other_token(tenant_id, refused.access_token))

    @router.post("/keys/rotate")
    async def rotate_keys(start: RotationStart) -> RotationAnswer:
        batch = await rotation.reseal(start.after)
        return RotationAnswer(
            key_id=batch.key_id,
            resealed=batch.resealed,
            shut=batch.shut,
            left=batch.left,
            last=batch.last,
        )

    return router
