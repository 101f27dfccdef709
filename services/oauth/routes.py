"""The HTTP side: the two browser routes that the gateway hands on, and the internal ones."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import CallerRefusedError, PlatformError, TenantNotFoundError
from libs.common.identity import CallerIdentity, TokenSigner
from libs.common.logs import get_logger
from libs.common.web.app import platform_error_response, request_id_of
from services.oauth import repository
from services.oauth.claims import LIFETIME as CLAIM_LIFETIME
from services.oauth.claims import sign_claim
from services.oauth.erasures import erasure_of
from services.oauth.installs import CALLBACK_PATH, STATE_LIFETIME, Installs
from services.oauth.repository import Shop
from services.oauth.tokens import Tokens, ValidToken

Identify = Callable[[Request], CallerIdentity]

_NO_STORE = {"Cache-Control": "no-store"}
_REFUSED = (
    "A refusal leads a browser to `/connect?error=CODE&requestId=ID`, and is JSON for programs."
)

log = get_logger()


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


class InstallPages:
    """What a browser sees of an install: redirects and cookies, or an error."""

    def __init__(self, installs: Installs, signer: TokenSigner, public_url: str) -> None:
        self._installs = installs
        self._signer = signer
        self._public_url = public_url
        self._secure = public_url.startswith("https://")
        prefix = "__Host-" if self._secure else ""
        self._install_cookie, self._claim_cookie = f"{prefix}install", f"{prefix}claim"

    async def begin(self, request: Request) -> Response:
        browser = request.cookies.get(self._install_cookie)
        try:
            begun = await self._installs.begin(_query(request), browser)
        except PlatformError as error:
            return self._refusal(request, error)
        response = RedirectResponse(begun.authorize_url, 302, _NO_STORE)
        seconds = int(STATE_LIFETIME.total_seconds())
        self._set_cookie(response, self._install_cookie, begun.browser, seconds)
        return response

    async def finish(self, request: Request) -> Response:
        browser = request.cookies.get(self._install_cookie)
        try:
            connected = await self._installs.finish(_query(request), browser)
        except PlatformError as error:
            return self._refusal(request, error)
        claim = sign_claim(self._signer, connected.tenant_id, connected.domain)
        response = RedirectResponse(f"{self._public_url}/welcome", 303, _NO_STORE)
        seconds = int(CLAIM_LIFETIME.total_seconds())
        self._set_cookie(response, self._claim_cookie, claim, seconds)
        self._set_cookie(response, self._install_cookie, "", 0)
        return response

    def _set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def _refusal(self, request: Request, error: PlatformError) -> Response:
        log.warning("install_refused", code=error.code, details=error.context.get("details"))
        if "text/html" not in request.headers.get("Accept", ""):
            return platform_error_response(request, error)
        shown = urlencode({"error": error.code, "requestId": request_id_of(request)})
        return RedirectResponse(f"{self._public_url}/connect?{shown}", 303, _NO_STORE)


def _query_parameter(name: str, description: str) -> dict[str, object]:
    return {
        "name": name,
        "in": "query",
        "required": name != "host",
        "description": description,
        "schema": {"type": "string"},
    }


def install_routes(pages: InstallPages, gateway: Identify) -> APIRouter:
    router = APIRouter(dependencies=[Depends(gateway)])
    router.add_api_route(
        "/api/shopify/auth",
        pages.begin,
        response_class=Response,
        status_code=302,
        summary="Begin to connect a shop",
        description="For browsers: leads to Shopify, where the merchant approves. " + _REFUSED,
        response_description="To Shopify's page, with a cookie that binds the install.",
        openapi_extra={"parameters": [_query_parameter("shop", "Its `*.myshopify.com` domain.")]},
        tags=["shopify"],
    )
    router.add_api_route(
        CALLBACK_PATH,
        pages.finish,
        response_class=Response,
        status_code=303,
        summary="Shopify's answer to the install",
        description="For browsers: Shopify leads here, with its signature. " + _REFUSED,
        response_description="To `/welcome`, with the claim of the shop in a cookie.",
        openapi_extra={
            "parameters": [
                _query_parameter(name, "As Shopify sends it.")
                for name in ("shop", "code", "state", "hmac", "timestamp", "host")
            ]
        },
        tags=["shopify"],
    )
    return router


def tenant_routes(
    engine: AsyncEngine,
    tokens: Tokens,
    erasure_grace: timedelta,
    readers: Identify,
    ingestor: Identify,
) -> APIRouter:
    router = APIRouter(prefix="/internal/tenants")
    grace_hours = erasure_grace / timedelta(hours=1)

    @router.get("/{tenant_id}")
    async def tenant(
        tenant_id: UUID, identity: Annotated[CallerIdentity, Depends(readers)]
    ) -> TenantAnswer:
        require_same(identity, tenant_id)
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
    async def token(
        tenant_id: UUID,
        identity: Annotated[CallerIdentity, Depends(ingestor)],
        response: Response,
    ) -> TokenAnswer:
        require_same(identity, tenant_id)
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


def _query(request: Request) -> str:
    return bytes(request.scope["query_string"]).decode("latin-1")


def require_same(identity: CallerIdentity, tenant_id: UUID) -> None:
    if identity.tenant_id not in (None, tenant_id):
        raise CallerRefusedError("the caller's token is for another tenant")
