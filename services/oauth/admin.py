"""The one question that oauth has for a shop's Admin API: which shop is this?

It costs a point and needs no scope. Source: shopify.dev, Admin GraphQL, `QueryRoot.shop`; an
uninstalled app's token gets a 401.
"""

import asyncio
from http import HTTPStatus

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from libs.common.errors import ReconnectRequiredError, ShopifyUnavailableError
from libs.common.settings import HttpUrl

_WHOLE_SECONDS = 2
_VERSION = "2026-10"
"""Shopify serves a version that has ended as the oldest it still has; this question is in all."""
_GID = "gid://shopify/Shop/"


class _Shop(BaseModel):
    id: str


class _Data(BaseModel):
    shop: _Shop


class _Answer(BaseModel):
    data: _Data


class AdminApi:
    """`api_url` holds `{shop}`."""

    def __init__(self, api_url: HttpUrl) -> None:
        self._api_url = api_url
        self._http = httpx.AsyncClient(timeout=_WHOLE_SECONDS, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def shop_id(self, domain: str, token: SecretStr) -> int:
        """Shopify's number of the shop that `token` opens. Holds for 2 seconds at most.

        Raises ReconnectRequiredError when the token is refused, and ShopifyUnavailableError for
        any other answer: a shop that is frozen (402) or locked (423) says nothing of the app.
        """
        url = f"{self._api_url.replace('{shop}', domain)}/admin/api/{_VERSION}/graphql.json"
        # As bytes: a token that is not ASCII is Shopify's to refuse.
        headers = {b"X-Shopify-Access-Token": token.get_secret_value().encode()}
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                query = {"query": "{ shop { id } }"}
                response = await self._http.post(url, json=query, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            # Without its cause: that one holds the request, and the request holds the token.
            raise _unavailable(type(error).__name__) from None
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise ReconnectRequiredError("The shop must be connected again.", status=401)
        if response.status_code != HTTPStatus.OK:
            raise _unavailable(f"status_{response.status_code}")
        return _shop_id(response.content)


def _shop_id(content: bytes) -> int:
    try:
        number = _Answer.model_validate_json(content).data.shop.id.removeprefix(_GID)
    except ValidationError:
        raise _unavailable("answer_malformed") from None
    if not (number.isascii() and number.isdigit()):
        raise _unavailable("answer_malformed")
    return int(number)


def _unavailable(reason: str) -> ShopifyUnavailableError:
    return ShopifyUnavailableError("Shopify does not answer.", reason=reason)
