"""Things that many tests need one of, with defaults for all that a test is not about."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from libs.common.messaging.records import DeliveryRecord


def delivery(name: str = "w-1", topic: str = "orders/create", **values: Any) -> DeliveryRecord:
    """`name` is its id, and its body too where none is given; the tenant is a new one."""
    defaults = {
        "id": name,
        "source": "some-shop.myshopify.com",
        "time": datetime(2026, 11, 23, 10, 0, 0, 123456, UTC),
        "tenant_id": uuid4(),
        "body": name.encode(),
    }
    return DeliveryRecord(type=topic, **(defaults | values))
