"""Asks one shop's Admin GraphQL API."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from libs.common.logs import get_logger
from services.ingestor.shopify.answers import Answer, read_answer, read_body, read_cost
from services.ingestor.shopify.gates import ShopGate
from services.ingestor.shopify.throttle import Spending
from services.ingestor.shopify.tokens import ShopToken
from services.ingestor.shopify.transport import (
    FIRST_PAUSE_SECONDS,
    AdminApi,
    Call,
    Transport,
)

log = get_logger()


class ShopifyClient:
    """Bound to one shop. Clients of one shop that share a `gate` share its limits too."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api: AdminApi,
        token: ShopToken,
        *,
        gate: ShopGate | None = None,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self.http = http
        self.asked_version = api.version
        self._gate = gate or ShopGate()
        self._transport = Transport(
            http, api, token, self._gate, first_pause_seconds=first_pause_seconds
        )

    @property
    def served_version(self) -> str | None:
        """The version that Shopify answered with last."""
        return self._transport.served_version

    async def ask(self, document: str, variables: Mapping[str, Any] | None = None) -> Answer:
        """The answer to one query or mutation. See `Transport.send` for what it raises."""
        body = msgspec.json.encode({"query": document, "variables": variables or {}})
        call = Call("POST", "graphql.json", self._gate.points, document, _read, content=body)
        answer = await self._transport.send(call)
        if answer.denied:
            log.warning("shopify_fields_denied", fields=answer.denied)
        return answer


def _read(response: httpx.Response, spending: Spending) -> Answer:
    body = read_body(response)
    if cost := read_cost(body):
        spending.learn(cost)
    return read_answer(response, body)
