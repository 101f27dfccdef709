"""What a browser sees of an install and of a recovery: redirects and cookies, or an error.

The gateway hands these routes on.
"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from libs.common.errors import AccountOwnerRequiredError, PlatformError, ShopifyAuthError
from libs.common.identity import TokenSigner
from libs.common.logs import get_logger
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.app import platform_error_response, request_id_of
from libs.common.web.requests import CLIENT_ADDRESS_HEADER
from services.oauth import installs, recoveries
from services.oauth.authorizations import STATE_LIFETIME, Authorizations
from services.oauth.claims import LIFETIME as CLAIM_LIFETIME
from services.oauth.claims import sign_claim, sign_recovery
from services.oauth.installs import Installs
from services.oauth.recoveries import Recoveries

_NO_STORE = {"Cache-Control": "no-store"}

log = get_logger()


class Browsers:
    """Sends them on with cookies, or to `page` of the dashboard with what went wrong."""

    def __init__(self, public_url: str, page: str) -> None:
        self._public_url = public_url
        self._page = page
        self._secure = public_url.startswith("https://")
        self._prefix = "__Host-" if self._secure else ""

    def secret_of(self, request: Request) -> str | None:
        """What binds a state to the browser."""
        return request.cookies.get(f"{self._prefix}install")

    async def begin(self, request: Request, authorizations: Authorizations) -> Response:
        """Raises what `Authorizations.begin` raises."""
        begun = await authorizations.begin(query_of(request), self.secret_of(request))
        response = RedirectResponse(begun.authorize_url, 302, _NO_STORE)
        self._set_cookie(response, "install", begun.browser, int(STATE_LIFETIME.total_seconds()))
        return response

    def arrive(self, page: str, cookie: str, value: str) -> Response:
        """At `page`, with a claim in `cookie`."""
        response = RedirectResponse(f"{self._public_url}{page}", 303, _NO_STORE)
        self._set_cookie(response, cookie, value, int(CLAIM_LIFETIME.total_seconds()))
        self._set_cookie(response, "install", "", 0)
        return response

    def refuse(self, request: Request, error: PlatformError) -> Response:
        """A person sees a page, a program the error's shape."""
        if "text/html" not in request.headers.get("Accept", ""):
            return platform_error_response(request, error)
        shown = urlencode({"error": error.code, "requestId": request_id_of(request)})
        return RedirectResponse(f"{self._public_url}{self._page}?{shown}", 303, _NO_STORE)

    def _set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._prefix + name,
            value,
            max_age=seconds,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )


class InstallPages:
    def __init__(self, made: Installs, signer: TokenSigner, public_url: str) -> None:
        self._installs = made
        self._signer = signer
        self._browsers = Browsers(public_url, "/connect")

    async def begin(self, request: Request) -> Response:
        try:
            return await self._browsers.begin(request, self._installs.authorizations)
        except PlatformError as error:
            return self._refusal(request, error)

    async def finish(self, request: Request) -> Response:
        browser = self._browsers.secret_of(request)
        try:
            connected = await self._installs.finish(query_of(request), browser)
        except PlatformError as error:
            return self._refusal(request, error)
        claim = sign_claim(self._signer, connected.tenant_id, connected.domain)
        return self._browsers.arrive("/welcome", "claim", claim)

    def _refusal(self, request: Request, error: PlatformError) -> Response:
        address, details = client_address(request), error.context.get("details")
        record_security_event(
            SecurityEvent.INSTALL_REFUSED,
            address=address,
            repeats=f"{address} {error.code} {details}",
            code=error.code,
            details=details,
        )
        return self._browsers.refuse(request, error)


class RecoveryPages:
    def __init__(self, made: Recoveries, signer: TokenSigner, public_url: str) -> None:
        self._recoveries = made
        self._signer = signer
        self._browsers = Browsers(public_url, "/recover")

    async def begin_recovery(self, request: Request) -> Response:
        try:
            return await self._browsers.begin(request, self._recoveries.authorizations)
        except PlatformError as error:
            return self._refusal(request, error)

    async def finish_recovery(self, request: Request) -> Response:
        browser = self._browsers.secret_of(request)
        try:
            proven = await self._recoveries.finish(query_of(request), browser)
        except PlatformError as error:
            return self._refusal(request, error)
        claim = sign_recovery(self._signer, proven.tenant_id, proven.domain, proven.person)
        return self._browsers.arrive("/recover", "recovery", claim)

    def _refusal(self, request: Request, error: PlatformError) -> Response:
        if isinstance(error, AccountOwnerRequiredError | ShopifyAuthError):
            told = error.context
            record_security_event(
                SecurityEvent.RECOVERY_REFUSED,
                address=client_address(request),
                code=error.code,
                shop=told.get("shop"),
                person=told.get("person"),
                details=told.get("details"),
            )
        else:
            log.info("recovery_ended", code=error.code)
        return self._browsers.refuse(request, error)


def client_address(request: Request) -> str:
    """The browser's, as the gateway tells it."""
    return request.headers.get(CLIENT_ADDRESS_HEADER, "unknown")


def query_of(request: Request) -> str:
    return bytes(request.scope["query_string"]).decode("latin-1")


def _parameters(*names: str) -> dict[str, object]:
    described = {"shop": "Its `*.myshopify.com` domain."} if names == ("shop",) else {}
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name != "host",
                "description": described.get(name, "As Shopify sends it."),
                "schema": {"type": "string"},
            }
            for name in names
        ]
    }


_SHOP = _parameters("shop")
_CALLBACK = _parameters("shop", "code", "state", "hmac", "timestamp", "host")


def _refused(page: str) -> str:
    return (
        f"A refusal leads a browser to `{page}?error=CODE&requestId=ID`, and is JSON for programs."
    )


def install_routes(pages: InstallPages) -> APIRouter:
    router = APIRouter()
    router.add_api_route(
        "/api/shopify/auth",
        pages.begin,
        response_class=Response,
        status_code=302,
        summary="Begin to connect a shop",
        description="For browsers: leads to Shopify, where the merchant approves. "
        + _refused("/connect"),
        response_description="To Shopify's page, with a cookie that binds the install.",
        openapi_extra=_SHOP,
        tags=["shopify"],
    )
    router.add_api_route(
        installs.CALLBACK_PATH,
        pages.finish,
        response_class=Response,
        status_code=303,
        summary="Shopify's answer to the install",
        description="For browsers: Shopify leads here, with its signature. " + _refused("/connect"),
        response_description="To `/welcome`, with the claim of the shop in a cookie.",
        openapi_extra=_CALLBACK,
        tags=["shopify"],
    )
    return router


def recovery_routes(pages: RecoveryPages) -> APIRouter:
    router = APIRouter()
    router.add_api_route(
        "/api/shopify/recover",
        pages.begin_recovery,
        response_class=Response,
        status_code=302,
        summary="Begin to recover an account",
        description="For browsers: leads to Shopify, which says whether whoever approves is the "
        "account owner of the shop. " + _refused("/recover"),
        response_description="To Shopify's page, with a cookie that binds the recovery.",
        openapi_extra=_SHOP,
        tags=["shopify"],
    )
    router.add_api_route(
        recoveries.CALLBACK_PATH,
        pages.finish_recovery,
        response_class=Response,
        status_code=303,
        summary="Shopify's answer to the recovery",
        description="For browsers: Shopify leads here, with its signature. " + _refused("/recover"),
        response_description="To `/recover`, with the proof in a cookie.",
        openapi_extra=_CALLBACK,
        tags=["shopify"],
    )
    return router
