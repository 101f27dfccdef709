"""Deliveries as Shopify would send them, and shops for them to come from."""

from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import insert

from libs.common.clock import utc_now
from libs.common.database.engine import create_engine
from libs.common.database.transaction import transaction
from libs.common.tables.tenancy import shop_directory, tenants
from tests.databases import Database
from tests.factories import webhook_signature

SECRET = "hush"


def headers(
    shop: str, body: bytes, *, topic: str = "orders/create", webhook_id: str | None = None
) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": webhook_signature(body, SECRET),
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": webhook_id or str(uuid4()),
        "X-Shopify-Event-Id": str(uuid4()),
        "X-Shopify-Triggered-At": "2026-11-20T16:15:47.123456Z",
    }


async def add_shop(database: Database, *, status: str = "active") -> tuple[str, UUID]:
    """A new connected shop: its domain and its tenant."""
    tenant_id = uuid4()
    domain = f"shop-{tenant_id.hex[:12]}.myshopify.com"
    engine = create_engine(SecretStr(database.url_for("oauth")), "test")
    async with transaction(engine) as tx:
        await tx.execute(insert(tenants).values(id=tenant_id, connected_at=utc_now()))
        await tx.execute(
            insert(shop_directory).values(domain=domain, tenant_id=tenant_id, status=status)
        )
    await engine.dispose()
    return domain, tenant_id
