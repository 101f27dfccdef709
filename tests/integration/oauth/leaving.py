"""What Shopify sends when a shop leaves, and what of it can be seen at oauth."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.messaging.records import DeliveryRecord
from services.oauth.handlers import Deliveries
from tests.factories import new_delivery
from tests.integration.oauth.driver import OauthDriver, new_domain
from tests.integration.oauth.scripted_shopify import ScriptedShopify

CONNECTED, DISCONNECTED = "tenant.connected.v1", "tenant.disconnected.v1"
SCHEDULED, CANCELLED = "tenant.erasure_scheduled.v1", "tenant.erasure_cancelled.v1"
ERASED = "tenant.erased.v1"


@dataclass
class Leaver:
    """A connected shop. Times are moved in the database: what waits gets older."""

    oauth: OauthDriver
    shopify: ScriptedShopify
    domain: str
    tenant_id: UUID

    def body(self, topic: str) -> dict[str, Any]:
        number = self.shopify.number_of(self.domain)
        if topic == "app/uninstalled":
            return {"id": number, "myshopify_domain": self.domain, "name": "Super Toys"}
        return {"shop_id": number, "shop_domain": self.domain}

    def delivery(
        self, topic: str, body: Any = None, *, time: datetime | None = None
    ) -> DeliveryRecord:
        time = time or utc_now() + timedelta(seconds=2)
        body = self.body(topic) if body is None else body
        return new_delivery(self.tenant_id, topic, body, time=time, source=self.domain)

    async def send(
        self, topic: str, body: Any = None, *, time: datetime | None = None
    ) -> DeliveryRecord:
        """Delivered and worked on, as far as it goes now."""
        record = self.delivery(topic, body, time=time)
        await self.take(record)
        return record

    async def take(self, record: DeliveryRecord) -> None:
        await Deliveries(self.oauth.engine).apply([record])
        await self.oauth.work()

    async def uninstall(self) -> None:
        self.shopify.uninstalled.add(self.domain)
        await self.send("app/uninstalled")

    async def pass_time(self, by: timedelta) -> None:
        """Everything that waits or was recorded is as much older; then the work goes on."""
        for sql in (
            "UPDATE tenancy.departures SET ask_at = ask_at - CAST(:by AS interval),"
            " asked_at = asked_at - CAST(:by AS interval),"
            " received_at = received_at - CAST(:by AS interval),"
            " settled_at = settled_at - CAST(:by AS interval)",
            "UPDATE tenancy.erasures SET due_at = due_at - CAST(:by AS interval),"
            " begun_at = begun_at - CAST(:by AS interval)",
            "UPDATE tenancy.tenants SET uninstalled_at = uninstalled_at - CAST(:by AS interval)",
        ):
            await self.oauth.rows(sql, by=by)
        await self.oauth.work()

    async def events(self) -> list[str]:
        return [event["type"] for event in await self.oauth.events_of(self.tenant_id)]

    async def status(self) -> str:
        return await self.oauth.status_of(self.tenant_id)

    async def states(self) -> list[str]:
        """Of what deliveries said, in their order."""
        sql = "SELECT state FROM tenancy.departures WHERE tenant_id = :id ORDER BY id"
        return [row["state"] for row in await self.oauth.rows(sql, id=self.tenant_id)]

    async def erasure(self) -> Any:
        """What is kept of it; None when there is none."""
        sql = "SELECT * FROM tenancy.erasures WHERE tenant_id = :id"
        rows = await self.oauth.rows(sql, id=self.tenant_id)
        return rows[0] if rows else None

    async def has_tokens(self) -> bool:
        sql = "SELECT 1 FROM tenancy.credentials WHERE tenant_id = :id"
        return bool(await self.oauth.rows(sql, id=self.tenant_id))

    async def ask(self, method: str, path: str, caller: str = "gateway") -> Any:
        """For the tenant where the path names it."""
        tenant = self.tenant_id if str(self.tenant_id) in path else None
        headers = self.oauth.caller(caller, tenant=tenant)
        return await self.oauth.http.request(method, path, headers=headers)

    async def erase(self) -> Any:
        """As the owner asks for it."""
        return await self.ask("DELETE", f"/internal/tenants/{self.tenant_id}")

    async def report(self, caller: str, **counts: int) -> int:
        url = f"/internal/erasures/{self.tenant_id}"
        headers = self.oauth.caller(caller, tenant=self.tenant_id)
        answer = await self.oauth.http.post(url, headers=headers, json={"counts": counts})
        return answer.status_code

    async def reconnect(self) -> UUID:
        return await self.oauth.connect(self.domain)


async def connected_leaver(oauth: OauthDriver, shopify: ScriptedShopify) -> Leaver:
    domain = new_domain()
    shopify.number_of(domain)
    return Leaver(oauth, shopify, domain, await oauth.connect(domain))
