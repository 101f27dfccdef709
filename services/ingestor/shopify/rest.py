"""Asks one shop's Admin REST API, for what its GraphQL API does not have.

Token, tries, circuit and errors are those of every call; the bucket is REST's own.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec

from libs.common.errors import ShopifyUnavailableError
from services.ingestor.shopify.answers import observed_at
from services.ingestor.shopify.gates import ShopGate
from services.ingestor.shopify.refusals import error_of_status
from services.ingestor.shopify.throttle import Cost, Spending
from services.ingestor.shopify.tokens import ShopToken
from services.ingestor.shopify.transport import FIRST_PAUSE_SECONDS, AdminApi, Call, Transport

_LIMIT_HEADER: Final = "X-Shopify-Shop-Api-Call-Limit"
_SECONDS_TO_EMPTY: Final = 20
"""A full bucket of any plan leaks within 20 s, or faster: 40 calls at 2 a second, 400 at 20."""

Params = Mapping[str, str]


class RestAnswer(NamedTuple):
    """`next` and `previous` are the parameters of those pages. `observed_at` is Shopify's clock."""

    data: Any
    observed_at: datetime
    next: Params | None = None
    previous: Params | None = None


class RestClient:
    """Bound to one shop. A path is like `orders` or `orders/count`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api: AdminApi,
        token: ShopToken,
        *,
        gate: ShopGate | None = None,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._gate = gate or ShopGate()
        self._transport = Transport(
            http, api, token, self._gate, first_pause_seconds=first_pause_seconds
        )

    @property
    def served_version(self) -> str | None:
        """The version that Shopify answered with last."""
        return self._transport.served_version

    async def get(self, path: str, params: Params | None = None) -> RestAnswer:
        """See `Transport.send` for what this and the others raise."""
        return await self._send("GET", path, params=params)

    async def post(self, path: str, data: Any) -> RestAnswer:
        """Not tried again after a failure: it may have been carried out."""
        return await self._send("POST", path, data=data)

    async def put(self, path: str, data: Any) -> RestAnswer:
        return await self._send("PUT", path, data=data)

    async def delete(self, path: str) -> RestAnswer:
        return await self._send("DELETE", path)

    async def pages(self, path: str, params: Params | None = None) -> AsyncIterator[RestAnswer]:
        """This page and every one after it."""
        following = params
        while True:
            answer = await self.get(path, following)
            yield answer
            if answer.next is None:
                return
            following = answer.next

    async def _send(
        self, method: str, path: str, *, params: Params | None = None, data: Any = None
    ) -> RestAnswer:
        call = Call(
            method,
            f"{path}.json",
            self._gate.calls,
            "call",
            _read,
            params=params,
            content=None if data is None else msgspec.json.encode(data),
            repeatable=method != "POST",
        )
        return await self._transport.send(call)


def _read(response: httpx.Response, spending: Spending) -> RestAnswer:
    if cost := _read_limit(response):
        spending.learn(cost)
    if not response.is_success:
        raise error_of_status(response)
    try:
        data = msgspec.json.decode(response.content) if response.content else None
    except msgspec.DecodeError as error:
        raise ShopifyUnavailableError("Shopify's answer is not JSON.") from error
    return RestAnswer(
        data, observed_at(response), _page(response, "next"), _page(response, "previous")
    )


def _read_limit(response: httpx.Response) -> Cost | None:
    """`32/40`: calls made, and how many the bucket holds."""
    made, _, limit = response.headers.get(_LIMIT_HEADER, "").partition("/")
    if not (made.isascii() and made.isdigit() and limit.isascii() and limit.isdigit()):
        return None
    if (size := int(limit)) == 0:
        return None
    return Cost(1, max(0, size - int(made)), size, size / _SECONDS_TO_EMPTY)


def _page(response: httpx.Response, direction: str) -> Params | None:
    # Only the query is taken: the call goes to the shop that we know, whatever the link says.
    address = response.links.get(direction, {}).get("url")
    return None if address is None else dict(parse_qsl(urlsplit(address).query))
