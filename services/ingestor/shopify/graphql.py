"""Asks one shop's Admin GraphQL API: token, retries, throttling, typed errors.

What retries cannot help is raised at once; throttling is a wait and no failure.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_exponential_jitter

from libs.common.errors import ShopifyRateLimitError, ShopifyUnavailableError
from libs.common.logs import get_logger
from libs.common.settings import is_loopback
from services.ingestor.shopify.answers import Answer, read_answer, read_body
from services.ingestor.shopify.tokens import AccessToken, ShopToken

_TIMEOUT = httpx.Timeout(30, connect=5)
_TRIES = 5
_WAIT = wait_exponential_jitter(initial=1, exp_base=2, max=32, jitter=1)
_THROTTLED_AT_MOST_SECONDS = 300

log = get_logger()


@dataclass(frozen=True, slots=True)
class AdminApi:
    """Where the Admin API is (`url` has `{shop}` in it), and the version we were written for."""

    url: str
    version: str

    def graphql_url(self, shop: str) -> str:
        return f"{self.url.replace('{shop}', shop)}/admin/api/{self.version}/graphql.json"


def create_http_client(api: AdminApi) -> httpx.AsyncClient:
    """The connections to Shopify, shared by all pulls; by the machine's proxy unless local."""
    return httpx.AsyncClient(
        timeout=_TIMEOUT,
        trust_env=not is_loopback(api.url.replace("{shop}", "shop")),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
    )


class ShopifyClient:
    """Bound to one shop."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api: AdminApi,
        token: ShopToken,
        *,
        retry_wait: wait_base = _WAIT,
    ) -> None:
        self.http = http
        self._api = api
        self._token = token
        self._wait = retry_wait
        self._version_was_checked = False

    async def ask(self, document: str, variables: Mapping[str, Any] | None = None) -> Answer:
        """The answer to one query or mutation.

        Raises ShopifyRequestError or ReconnectRequiredError at once, ShopifyUnavailableError
        after five tries, ShopifyRateLimitError after five minutes of throttling.
        """
        body = msgspec.json.encode({"query": document, "variables": variables or {}})
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + _THROTTLED_AT_MOST_SECONDS
        while True:
            try:
                return await self._ask_with_retries(body)
            except ShopifyRateLimitError as error:
                pause = (error.retry_after_seconds or 0) + random.uniform(0, 0.5)  # noqa: S311 - jitter
                if clock() + pause > give_up_at:
                    raise
            log.info("shopify_throttled", pause_seconds=round(pause, 2))
            await asyncio.sleep(pause)

    async def _ask_with_retries(self, body: bytes) -> Answer:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(ShopifyUnavailableError),
            wait=self._wait,
            stop=stop_after_attempt(_TRIES),
            reraise=True,
        )
        return await retrying(self._ask_once, body)

    async def _ask_once(self, body: bytes) -> Answer:
        token = await self._token.current()
        response = await self._post(token, body)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._token.forget(token)
            response = await self._post(await self._token.current(), body)
        answer = read_answer(response, read_body(response))
        self._check_version(answer.served_version)
        return answer

    async def _post(self, token: AccessToken, body: bytes) -> httpx.Response:
        headers = {
            "X-Shopify-Access-Token": token.access_token,
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        url = self._api.graphql_url(token.shop_domain)
        try:
            return await self.http.post(url, content=body, headers=headers)
        except httpx.TransportError as error:
            raise ShopifyUnavailableError("Shopify does not answer.") from error

    def _check_version(self, served: str | None) -> None:
        if self._version_was_checked or served is None:
            return
        self._version_was_checked = True
        if served != self._api.version:
            log.warning("shopify_serves_other_version", pinned=self._api.version, served=served)
