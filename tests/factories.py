"""Things that many tests need one of, with defaults for all that a test is not about."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from libs.common.clock import utc_now
from libs.common.messaging.records import DeliveryRecord

SHOP = "cups.myshopify.com"


def delivery(name: str = "w-1", topic: str = "orders/create", **values: Any) -> DeliveryRecord:
    """`name` is its id, and its body too where none is given; the tenant is a new one."""
    defaults = {
        "id": name,
        "source": SHOP,
        "time": datetime(2026, 11, 23, 10, 0, 0, 123456, UTC),
        "tenant_id": uuid4(),
        "body": name.encode(),
    }
    return DeliveryRecord(type=topic, **(defaults | values))


def new_delivery(
    tenant_id: UUID, topic: str = "orders/create", body: Any = b"{}", **values: Any
) -> DeliveryRecord:
    """Of this moment, like no other. `body` as bytes goes as it is, anything else as JSON."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return delivery(
        str(uuid4()), topic, **({"time": utc_now(), "tenant_id": tenant_id, "body": raw} | values)
    )


def webhook_signature(body: bytes, secret: str) -> str:
    """As Shopify writes it in its header."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


async def connected_tenant(owner: asyncpg.Connection, tenant_id: UUID | None = None) -> UUID:
    """A tenant that oauth knows, a new one unless given."""
    tenant_id = tenant_id or uuid4()
    await owner.execute(
        "INSERT INTO tenancy.tenants (id, connected_at) VALUES ($1, now())", tenant_id
    )
    return tenant_id
