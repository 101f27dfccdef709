"""The authorize page and the token endpoint.

Signing is written here anew, on purpose: the product's own check is proven against it.
"""

import base64
import hashlib
import hmac
import html
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from libs.simulator.hosts import address_of
from libs.simulator.settings import App
from libs.simulator.shops import Shop
from libs.simulator.times import now_seconds
from libs.simulator.tokens import OnlineToken, TokenPair, Tokens

Fields = Mapping[str, str]

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CODE_GONE = "The authorization code was not found or was already used"
_REFRESH_GONE = "This request requires an active refresh_token"
_NOT_INSTALLED = "Client credentials cannot be performed on this shop"
_NOT_TO_MIGRATE = "The subject_token is not an active access token that never expires"
_NO_SUCH_EXCHANGE = "Only offline tokens that never expire can be exchanged, with expiring=1"
_NO_SUCH_GRANT = "The grant_type is not known"
_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
_OFFLINE_TOKEN = "urn:shopify:params:oauth:token-type:offline-access-token"  # noqa: S105


def authorize(request: Request, shop: Shop, app: App) -> Response:
    """Send the browser back with a code; `consent=1` or the fault shows a page to click first.

    `grant_options[]=per-user` asks for an online token, which is of whoever approves. Who declines
    stays in Shopify's admin.
    """
    query = request.query_params
    if query.get("client_id") != app.key:
        return _refusal("invalid_request", "Could not find Shopify API application with api_key")
    redirect_uri = query.get("redirect_uri", "")
    if not _allowed(redirect_uri, app):
        return _refusal("invalid_request", "The redirect_uri is not whitelisted")
    scope = _granted(query.get("scope", ""))
    if (shop.faults.consent or query.get("consent") == "1") and query.get("approved") != "1":
        return _consent_page(request, shop, scope)
    if shop.approver.declines:
        return RedirectResponse(_admin_apps(request, shop), 302)
    name = shop.domain.removesuffix(".myshopify.com")
    user = shop.approver.user(name) if _is_per_user(request) else None
    code = shop.tokens.issue_code(scope, redirect_uri, user)
    answer = {"code": code, "state": query.get("state", "")}
    return _signed_redirect(redirect_uri, answer, shop, app.secret)


def open_app(shop: Shop, secret: str, url: str) -> Response:
    """As the admin does it when the app is chosen there: signed like a callback."""
    return _signed_redirect(url, {}, shop, secret)


def _signed_redirect(url: str, parameters: Fields, shop: Shop, secret: str) -> Response:
    name = shop.domain.removesuffix(".myshopify.com")
    signed = {
        **parameters,
        "host": base64.b64encode(f"admin.shopify.com/store/{name}".encode()).decode().rstrip("="),
        "shop": shop.domain,
        "timestamp": str(now_seconds()),
    }
    signed["hmac"] = query_signature(signed, shop.faults.signing_secret(secret))
    separator = "&" if urlsplit(url).query else "?"
    return RedirectResponse(f"{url}{separator}{_encoded(signed)}", 302)


def query_signature(parameters: dict[str, str], secret: str) -> str:
    """Lower-case hex HMAC-SHA256 over `k=v` pairs sorted by name, percent-encoded."""
    message = _encoded({name: parameters[name] for name in sorted(parameters) if name != "hmac"})
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def _encoded(parameters: dict[str, str]) -> str:
    return urlencode(parameters, quote_via=quote, safe="*-._").replace("~", "%7E")


def _is_per_user(request: Request) -> bool:
    return "per-user" in request.query_params.getlist("grant_options[]")


def _admin_apps(request: Request, shop: Shop) -> str:
    return f"{address_of(request, shop.domain).shop_url}/admin/apps"


def admin_apps(shop: Shop) -> Response:
    """The admin's own list, where whoever declined is left."""
    name = html.escape(shop.domain)
    return HTMLResponse(f"<!doctype html><html lang=en><title>Apps</title><h1>Apps on {name}</h1>")


def _allowed(redirect_uri: str, app: App) -> bool:
    try:
        parts = urlsplit(redirect_uri)
        host = parts.hostname
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not host or parts.fragment:
        return False
    return host in _LOOPBACK or any(
        redirect_uri == known or redirect_uri.startswith(f"{known.rstrip('/')}/")
        for known in app.redirect_uris
    )


def _granted(scope: str) -> str:
    """Shopify leaves out a read scope that its write scope implies."""
    asked = dict.fromkeys(item.strip() for item in scope.split(",") if item.strip())
    return ",".join(
        item
        for item in asked
        if not (item.startswith("read_") and f"write_{item.removeprefix('read_')}" in asked)
    )


def _refusal(error: str, reason: str) -> Response:
    text = html.escape(f"Oauth error {error}: {reason}")
    return HTMLResponse(f"<!doctype html><title>Oauth error</title><p>{text}</p>", 400)


def _consent_page(request: Request, shop: Shop, scope: str) -> Response:
    fields = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in [*request.query_params.multi_items(), ("approved", "1")]
    )
    items = "".join(f"<li>{html.escape(item)}</li>" for item in scope.split(","))
    return HTMLResponse(
        "<!doctype html><html lang=en><title>Install app</title><main>"
        f"<h1>Install app on {html.escape(shop.domain)}</h1><p>The app will be able to use:</p>"
        f"<ul>{items}</ul><form method=get>{fields}<button type=submit>Install</button></form>"
        f'<a href="{html.escape(_admin_apps(request, shop))}">Cancel</a></main></html>'
    )


async def access_token(request: Request, shop: Shop, app: App) -> Response:
    if (status := shop.faults.takes_token_call()) is not None:
        return JSONResponse({"error": "temporarily_unavailable"}, status)
    form = await _fields(request)
    if form is None:
        return _error(400, "invalid_request", "The request body could not be read")
    if not _is_app(form, app):
        return _error(401, "invalid_client", "The client id or the client secret is wrong")
    grant = _GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        return _error(400, "unsupported_grant_type", _NO_SUCH_GRANT)
    return grant(shop.tokens, form)


def _by_code(tokens: Tokens, form: Fields) -> Response:
    granted = tokens.exchange(form.get("code", ""), expiring=_expiring(form))
    if isinstance(granted, OnlineToken):
        return _online_answer(granted)
    return _answer(granted) or _error(400, "invalid_request", _CODE_GONE)


def _by_refresh(tokens: Tokens, form: Fields) -> Response:
    pair = tokens.refresh(form.get("refresh_token", ""))
    return _answer(pair) or _error(401, "invalid_request", _REFRESH_GONE)


def _by_token_exchange(tokens: Tokens, form: Fields) -> Response:
    """The migration of an offline token; session tokens of embedded apps are not served."""
    kinds = {form.get("subject_token_type"), form.get("requested_token_type")}
    if kinds != {_OFFLINE_TOKEN} or not _expiring(form):
        return _error(400, "invalid_request", _NO_SUCH_EXCHANGE)
    pair = tokens.migrate(form.get("subject_token", ""))
    return _answer(pair) or _error(400, "invalid_subject_token", _NOT_TO_MIGRATE)


def _by_client_credentials(tokens: Tokens, _form: Fields) -> Response:
    return _answer(tokens.client_token()) or _error(400, "shop_not_permitted", _NOT_INSTALLED)


_GRANTS: Mapping[str, Callable[[Tokens, Fields], Response]] = {
    "": _by_code,
    "authorization_code": _by_code,
    "refresh_token": _by_refresh,
    _TOKEN_EXCHANGE: _by_token_exchange,
    "client_credentials": _by_client_credentials,
}


def _expiring(form: Fields) -> bool:
    return form.get("expiring", "0") in {"1", "true", "True"}


async def _fields(request: Request) -> Fields | None:
    body = await request.body()
    try:
        if "json" in request.headers.get("content-type", ""):
            fields: Any = json.loads(body)
            if not isinstance(fields, dict):
                return None
            return {str(name): str(value) for name, value in fields.items() if value is not None}
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError:
        return None


def _is_app(form: Fields, app: App) -> bool:
    same_secret = hmac.compare_digest(form.get("client_secret", "").encode(), app.secret.encode())
    return form.get("client_id") == app.key and same_secret


def _answer(pair: TokenPair | None) -> Response | None:
    if pair is None:
        return None
    fields = {name: getattr(pair, name) for name in pair.__struct_fields__}
    return JSONResponse({name: value for name, value in fields.items() if value is not None})


def _online_answer(token: OnlineToken) -> Response:
    return JSONResponse(msgspec.to_builtins(token))


def _error(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)
