"""The delivery log of one shop: every webhook and every try of it, the newest few thousand."""

from collections import deque
from typing import Any

from msgspec import Struct, field

_KEPT = 20_000
_SUCCESS = 2
"""2xx"""


class Attempt(Struct, frozen=True):
    """`status` None: no answer, and `error` says why."""

    at: str
    status: int | None
    error: str | None
    milliseconds: int

    @property
    def succeeded(self) -> bool:
        return self.status is not None and self.status // 100 == _SUCCESS


class Delivery(Struct):
    """`state`: pending, delivered, failed, dropped (a fault), abandoned (subscription gone).

    `subscription_id` None: sent to the app's compliance address.
    """

    webhook_id: str
    event_id: str
    topic: str
    triggered_at: str
    subscription_id: int | None
    uri: str
    name: str | None
    api_version: str
    body: bytes
    last: bool = False
    state: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)

    def view(self, *, with_body: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "webhookId": self.webhook_id,
            "eventId": self.event_id,
            "topic": self.topic,
            "triggeredAt": self.triggered_at,
            "subscriptionId": None if self.subscription_id is None else str(self.subscription_id),
            "uri": self.uri,
            "state": self.state,
            "status": self.attempts[-1].status if self.attempts else None,
            "attempts": len(self.attempts),
            "tries": [
                {
                    "at": attempt.at,
                    "status": attempt.status,
                    "error": attempt.error,
                    "milliseconds": attempt.milliseconds,
                }
                for attempt in self.attempts
            ],
        }
        if with_body:
            shown["body"] = self.body.decode()
        return shown


class DeliveryLog:
    def __init__(self) -> None:
        self._deliveries: deque[Delivery] = deque(maxlen=_KEPT)

    def add(self, delivery: Delivery) -> None:
        self._deliveries.append(delivery)

    def all(self, topic: str | None = None) -> list[Delivery]:
        """Oldest first."""
        return [item for item in self._deliveries if topic is None or item.topic == topic]
