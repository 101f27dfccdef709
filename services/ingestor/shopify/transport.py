"""Carries one call to a shop's Admin API to its answer: token, tries, waits, typed errors.

What retries cannot help is raised at once. A failure is tried again, five times in all; being
throttled is a wait and no failure.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import httpx

from libs.common.errors import (
    ReconnectRequiredError,
    ShopifyRateLimitError,
    ShopifyUnavailableError,
)
from libs.common.logs import get_logger
from libs.common.settings import is_loopback
from services.ingestor.shopify.answers import served_version
from services.ingestor.shopify.errors import TokenRefusedError
from services.ingestor.shopify.gates import ShopGate
from services.ingestor.shopify.throttle import Bucket, Spending
from services.ingestor.shopify.tokens import AccessToken, ShopToken

_TIMEOUT = httpx.Timeout(30, connect=5)
_IDLE_SECONDS = 60.0
"""As long as the longest pause between two looks at an export: each would begin with a handshake.
And whoever is cancelled while httpx closes several idle connections leaves the rest of them open.
"""

_TRIES = 5
FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 32.0
_WAIT_AT_MOST_SECONDS = 300

_Answer = TypeVar("_Answer")

log = get_logger()


@dataclass(frozen=True, slots=True)
class AdminApi:
    """Where the Admin API is (`url` has `{shop}` in it), and the version we were written for."""

    url: str
    version: str

    def address(self, shop: str, path: str) -> str:
        return f"{self.url.replace('{shop}', shop)}/admin/api/{self.version}/{path}"


def create_http_client(api: AdminApi) -> httpx.AsyncClient:
    """The connections to Shopify, shared by all pulls; by the machine's proxy unless local."""
    return httpx.AsyncClient(
        timeout=_TIMEOUT,
        trust_env=not is_loopback(api.url.replace("{shop}", "shop")),
        limits=httpx.Limits(
            max_connections=100, max_keepalive_connections=20, keepalive_expiry=_IDLE_SECONDS
        ),
    )


@dataclass(frozen=True, slots=True)
class Call(Generic[_Answer]):
    """One request, and how its answer is read.

    `what` names calls of one cost. One that is not `repeatable` is not tried again when nobody
    knows whether it was carried out. `read` raises the typed error that the answer means, and
    tells the spending what the answer says of the bucket.
    """

    method: str
    path: str
    bucket: Bucket
    what: str
    read: Callable[[httpx.Response, Spending], _Answer]
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    repeatable: bool = True


class Transport:
    """Bound to one shop. `served_version` is the one Shopify answered with last."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api: AdminApi,
        token: ShopToken,
        gate: ShopGate,
        *,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._http = http
        self._api = api
        self._token = token
        self._gate = gate
        self._first_pause = first_pause_seconds
        self.served_version: str | None = None

    async def send(self, call: Call[_Answer]) -> _Answer:
        """The answer.

        Raises ShopifyRequestError, ReconnectRequiredError, TokenRefusedError or
        ShopifyCircuitOpenError at once,
        ShopifyUnavailableError after five tries, either that or ShopifyRateLimitError when
        Shopify would have us wait for more than five minutes.
        """
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + _WAIT_AT_MOST_SECONDS
        failures = 0
        while True:
            try:
                return await self._send_with_token(call)
            except ShopifyRateLimitError as error:
                pause = (error.retry_after_seconds or 0) + random.uniform(0, 0.5)  # noqa: S311 - jitter
                self._log_throttled(error, pause)
                if clock() + pause > give_up_at:
                    raise
                call.bucket.close_for(pause)
            except ShopifyUnavailableError as error:
                failures += 1
                pause = max(self._pause_after(failures), error.retry_after_seconds or 0)
                if failures == _TRIES or not call.repeatable or clock() + pause > give_up_at:
                    raise
                await asyncio.sleep(pause)

    def _pause_after(self, failures: int) -> float:
        pause = self._first_pause * 2.0 ** (failures - 1)
        return min(_LONGEST_PAUSE_SECONDS, pause + random.uniform(0, pause / 2))  # noqa: S311 - jitter

    def _log_throttled(self, error: ShopifyRateLimitError, pause: float) -> None:
        tenant_id = str(self._token.tenant_id)
        log.warning(
            "shopify_throttled", tenant_id=tenant_id, pause_seconds=round(pause, 2), **error.context
        )

    async def _send_with_token(self, call: Call[_Answer]) -> _Answer:
        token = await self._token.current()
        try:
            return await self._send_once(call, token)
        except ReconnectRequiredError:
            self._token.forget(token)
        another = await self._token.current()
        try:
            return await self._send_once(call, another)
        except ReconnectRequiredError as error:
            raise TokenRefusedError(
                "Shopify refuses a token that it gave just now. Connect again if this lasts."
            ) from error

    async def _send_once(self, call: Call[_Answer], token: AccessToken) -> _Answer:
        async with call.bucket.spend(call.what) as spending:

            async def exchange() -> _Answer:
                response = await self._exchange(call, token)
                self.served_version = served_version(response) or self.served_version
                return call.read(response, spending)

            return await self._gate.breaker.call(exchange)

    async def _exchange(self, call: Call[_Answer], token: AccessToken) -> httpx.Response:
        headers = {"X-Shopify-Access-Token": token.access_token, "Accept": "application/json"}
        if call.content is not None:
            headers["Content-Type"] = "application/json"
        url = self._api.address(token.shop_domain, call.path)
        try:
            response = await self._http.request(
                call.method, url, params=call.params, content=call.content, headers=headers
            )
        except httpx.RequestError as error:
            raise ShopifyUnavailableError("Shopify does not answer.") from error
        # The stream that was read knows its response: a circle, in which the body would stay until
        # the garbage collector comes, and with it those of a thousand other answers.
        response.stream = httpx.ByteStream(b"")
        return response
