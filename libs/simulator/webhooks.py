"""Sends webhooks as Shopify does: 1 s to connect, 5 s in all, only 2xx counts, 8 retries.

A delivery whose last retry fails costs the subscription, if it has one. Deliveries under way are
not kept over a restart: Shopify does not promise delivery either.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import httpx

from libs.common.errors import InvalidInputError
from libs.simulator.deliveries import Attempt, Delivery, DeliveryLog
from libs.simulator.payloads import Body, json_bytes
from libs.simulator.settings import App
from libs.simulator.shops import Shop
from libs.simulator.subscriptions import Subscription
from libs.simulator.times import triggered_at

CONNECT_SECONDS = 1.0
TOTAL_SECONDS = 5.0
RETRY_SECONDS = (10, 30, 120, 300, 900, 1_800, 3_600, 7_200)
_AT_ONCE = 32
"""Tries under way for one shop: a shop whose app hangs slows no other."""
_REORDER_SECONDS = 0.5
LATEST_VERSION = "2026-10"
UNINSTALLED = "app/uninstalled"

Announcement = tuple[str, Callable[[], Body]]
"""A topic (orders/create) and its body, made only when a subscription wants it."""


class WebhookSender:
    """Use as an async context manager; leaving it drops what is still to be sent."""

    def __init__(self, app: App, scale: float) -> None:
        self._app = app
        self.scale = scale
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_keepalive_connections=_AT_ONCE, keepalive_expiry=30),
            follow_redirects=False,
            trust_env=False,
        )
        self.logs: dict[str, DeliveryLog] = {}

    async def __aenter__(self) -> "WebhookSender":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    @property
    def compliance_uri(self) -> str | None:
        return self._app.compliance_uri

    def log(self, shop: Shop) -> DeliveryLog:
        return self.logs.setdefault(shop.domain, DeliveryLog())

    def announce(
        self, shop: Shop, announcements: list[Announcement], *, last: bool = False
    ) -> None:
        """Deliver to every subscription that wants it; all share one event id.

        `last`: the deliveries outlive their subscription (app/uninstalled).
        """
        event_id, moment = str(uuid4()), triggered_at()
        for topic, body in announcements:
            for subscription in shop.subscriptions.wanting(topic):
                delivery = Delivery(
                    webhook_id=str(uuid4()),
                    event_id=event_id,
                    topic=topic,
                    triggered_at=moment,
                    subscription_id=subscription.id,
                    uri=subscription.uri,
                    name=subscription.name,
                    api_version=subscription.api_version,
                    body=json_bytes(_included(body(), subscription)),
                    last=last,
                )
                self._send(shop, delivery)

    def send_compliance(self, shop: Shop, topic: str, body: Body) -> None:
        """Deliver to the app's one address. Raises InvalidInputError when it gave none."""
        if self._app.compliance_uri is None:
            raise InvalidInputError("there is no compliance address: give --compliance-uri")
        delivery = Delivery(
            webhook_id=str(uuid4()),
            event_id=str(uuid4()),
            topic=topic,
            triggered_at=triggered_at(),
            subscription_id=None,
            uri=self._app.compliance_uri,
            name=None,
            api_version=LATEST_VERSION,
            body=json_bytes(body),
            last=True,
        )
        self._send(shop, delivery)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do it then, unless the simulator has ended by that time."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            action()

        self._keep(wait())

    def _send(self, shop: Shop, delivery: Delivery) -> None:
        dice, faults = shop.dice, shop.faults
        self.log(shop).add(delivery)
        if dice.random() < faults.drop:
            delivery.state = "dropped"
            return
        copies = 2 if dice.random() < faults.duplicate else 1
        for _ in range(copies):
            wait = faults.delay
            if delivery.topic == UNINSTALLED:
                wait += faults.uninstall_delay
            if faults.reorder:
                wait += dice.random() * _REORDER_SECONDS
            self._start(shop, delivery, wait)

    def _start(self, shop: Shop, delivery: Delivery, wait: float) -> None:
        self._keep(self._deliver(shop, delivery, wait))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, shop: Shop, delivery: Delivery, wait: float) -> None:
        slots = self._slots.setdefault(shop.domain, asyncio.Semaphore(_AT_ONCE))
        for pause in (wait, *(seconds * self.scale for seconds in RETRY_SECONDS)):
            if pause:
                await asyncio.sleep(pause)
            if not delivery.last and shop.subscriptions.get(delivery.subscription_id) is None:
                delivery.state = "abandoned"
                return
            async with slots:
                attempt = await self._try(shop, delivery)
            delivery.attempts.append(attempt)
            if attempt.succeeded:
                delivery.state = "delivered"
                return
        if delivery.state != "delivered":
            delivery.state = "failed"
            if delivery.subscription_id is not None:
                shop.subscriptions.remove(delivery.subscription_id)

    async def _try(self, shop: Shop, delivery: Delivery) -> Attempt:
        started, moment = time.monotonic(), triggered_at()
        status, error = None, None
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                answer = await self._client.post(
                    delivery.uri,
                    content=delivery.body,
                    headers=self._headers(shop, delivery),
                )
            status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as failure:
            error = type(failure).__name__
        seconds = time.monotonic() - started
        return Attempt(at=moment, status=status, error=error, milliseconds=round(seconds * 1000))

    def _headers(self, shop: Shop, delivery: Delivery) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": delivery.topic,
            "X-Shopify-Hmac-Sha256": self._signature(shop, delivery.body),
            "X-Shopify-Shop-Domain": shop.domain,
            "X-Shopify-API-Version": delivery.api_version,
            "X-Shopify-Webhook-Id": delivery.webhook_id,
            "X-Shopify-Event-Id": delivery.event_id,
            "X-Shopify-Triggered-At": delivery.triggered_at,
        }
        if delivery.name is not None:
            headers["X-Shopify-Name"] = delivery.name
        return headers

    def _signature(self, shop: Shop, body: bytes) -> str:
        secret = shop.faults.signing_secret(self._app.secret)
        return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def _included(body: Body, subscription: Subscription) -> Body:
    if not subscription.include_fields:
        return body
    wanted = {field.partition(".")[0] for field in subscription.include_fields}
    return {name: value for name, value in body.items() if name in wanted}
