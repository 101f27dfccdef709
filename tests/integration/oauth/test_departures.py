"""A tenant leaves as it is asked to: disconnected it keeps its history, erased it keeps nothing
but a receipt; and neither happens to a shop that came back.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from libs.common.clock import utc_now
from services.oauth.handlers import Deliveries
from tests.factories import new_delivery
from tests.integration.oauth.driver import OauthDriver, new_domain

CONNECTED, DISCONNECTED = "tenant.connected.v1", "tenant.disconnected.v1"
ERASED = "tenant.erased.v1"
TWO_DAYS = timedelta(hours=48)


class Shopify:
    """Sends the deliveries of the tenancy lane."""

    def __init__(self, oauth: OauthDriver) -> None:
        self._deliveries = Deliveries(oauth.engine)

    async def send(self, tenant_id: UUID, topic: str, time: datetime) -> None:
        body = b'{"shop_id": 1, "shop_domain": "shop.myshopify.com"}'
        await self._deliveries.apply([new_delivery(tenant_id, topic, body, time=time)])


@pytest.fixture
def sends(oauth: OauthDriver) -> Shopify:
    return Shopify(oauth)


async def _types(oauth: OauthDriver, tenant_id: UUID) -> list[str]:
    return [event["type"] for event in await oauth.events_of(tenant_id)]


async def _receipts(oauth: OauthDriver) -> list[Any]:
    return await oauth.rows("SELECT * FROM tenancy.erasures")


async def _report(
    oauth: OauthDriver, caller: str, tenant_id: UUID, **counts: int
) -> httpx.Response:
    url = f"/internal/erasures/{tenant_id}"
    headers = oauth.caller(caller, tenant=tenant_id)
    return await oauth.http.post(url, headers=headers, json={"counts": counts})


async def _ask(oauth: OauthDriver, method: str, path: str, caller: str = "gateway") -> int:
    headers = oauth.caller(caller, tenant=UUID(path.split("/", maxsplit=1)[0]))
    answer = await oauth.http.request(method, f"/internal/tenants/{path}", headers=headers)
    return answer.status_code


async def test_a_redacted_shop_is_forgotten_at_once_and_the_others_are_told(
    oauth: OauthDriver, sends: Shopify
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    now = utc_now() + timedelta(seconds=2)
    await sends.send(tenant_id, "app/uninstalled", now)

    for _ in range(2):
        await sends.send(tenant_id, "shop/redact", now + TWO_DAYS)

    assert await _types(oauth, tenant_id) == [CONNECTED, DISCONNECTED, ERASED]
    for table in ("shop_directory", "credentials", "install_states"):
        assert await oauth.rows(f"SELECT 1 FROM tenancy.{table}") == []
    [receipt] = await _receipts(oauth)
    assert receipt["tenant_id"] == tenant_id
    assert receipt["domain_hash"] == hashlib.sha256(domain.encode()).digest()
    assert (receipt["cause"], receipt["done_at"]) == ("shop_redact", None)
    assert (await oauth.tenant(tenant_id)).json()["error"]["code"] == "TENANT_NOT_FOUND"


async def test_the_tenant_goes_with_the_last_report_and_the_receipt_stays(
    oauth: OauthDriver,
):
    tenant_id = await oauth.connect(new_domain())
    assert await _ask(oauth, "DELETE", str(tenant_id)) == 204

    assert (await _report(oauth, "ingestor", tenant_id, orders=3)).status_code == 204
    assert len(await oauth.rows("SELECT 1 FROM tenancy.tenants")) == 1
    for _ in range(2):
        assert (await _report(oauth, "gateway", tenant_id, users=1)).status_code == 204
    assert (await _report(oauth, "ingestor", tenant_id, orders=0)).status_code == 204

    assert await oauth.rows("SELECT 1 FROM tenancy.tenants") == []
    [receipt] = await _receipts(oauth)
    assert receipt["erased"] == {"ingestor": {"orders": 3}, "gateway": {"users": 1}}
    assert receipt["done_at"] is not None
    assert receipt["cause"] == "owner"


async def test_a_report_without_an_erasure_erases_nothing(oauth: OauthDriver):
    tenant_id = await oauth.connect(new_domain())
    for caller in ("ingestor", "gateway"):
        assert (await _report(oauth, caller, tenant_id)).status_code == 204
    assert await oauth.status_of(tenant_id) == "active"
    assert await _receipts(oauth) == []


async def test_a_shop_that_connects_again_after_its_erasure_is_another_tenant(
    oauth: OauthDriver, sends: Shopify
):
    domain = new_domain()
    old = await oauth.connect(domain)
    assert await _ask(oauth, "DELETE", str(old)) == 204

    new = await oauth.connect(domain)
    await sends.send(old, "app/uninstalled", utc_now() + timedelta(seconds=2))
    for caller in ("ingestor", "gateway"):
        await _report(oauth, caller, old)

    assert new != old
    assert await oauth.status_of(new) == "active"
    assert (await oauth.token(new)).status_code == 200
    assert await _types(oauth, new) == [CONNECTED]


async def test_a_shop_that_came_back_before_its_redaction_is_kept(
    oauth: OauthDriver, sends: Shopify
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    await sends.send(tenant_id, "app/uninstalled", utc_now() + timedelta(seconds=2))
    assert await oauth.connect(domain) == tenant_id

    await sends.send(tenant_id, "shop/redact", utc_now() + TWO_DAYS - timedelta(minutes=1))

    assert await oauth.status_of(tenant_id) == "active"
    assert await _receipts(oauth) == []


@pytest.mark.parametrize(("hours", "erased"), [(47, False), (49, True)])
async def test_without_a_working_token_the_time_of_the_install_says_whether_it_came_back(
    oauth: OauthDriver, sends: Shopify, hours: int, *, erased: bool
):
    tenant_id = await oauth.connect(new_domain())
    await oauth.rows("UPDATE tenancy.shop_directory SET status = 'reconnect_required'")

    await sends.send(tenant_id, "shop/redact", utc_now() + timedelta(hours=hours))

    assert bool(await _receipts(oauth)) is erased


async def test_an_owner_can_disconnect_and_connect_again_with_all_history(oauth: OauthDriver):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)

    for _ in range(2):
        assert await _ask(oauth, "POST", f"{tenant_id}/disconnect") == 204

    assert await oauth.status_of(tenant_id) == "disconnected"
    assert (await oauth.tenant(tenant_id)).json()["scopes"] == []
    assert await oauth.rows("SELECT 1 FROM tenancy.credentials") == []
    assert await _types(oauth, tenant_id) == [CONNECTED, DISCONNECTED]
    assert await oauth.connect(domain) == tenant_id
    assert await oauth.status_of(tenant_id) == "active"
    assert "read_orders" in (await oauth.tenant(tenant_id)).json()["scopes"]


@pytest.mark.parametrize(
    ("again", "status"), [(False, "disconnected"), (True, "active")], ids=["first", "again"]
)
async def test_within_the_second_of_an_install_an_uninstall_is_of_the_one_before_if_any(
    oauth: OauthDriver, sends: Shopify, status: str, *, again: bool
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    if again:
        await oauth.connect(domain)
    [row] = await oauth.rows("SELECT installed_at FROM tenancy.credentials")
    later = row["installed_at"] + timedelta(seconds=1)

    await sends.send(tenant_id, "app/uninstalled", later - timedelta(microseconds=1))
    assert await oauth.status_of(tenant_id) == status

    await sends.send(tenant_id, "app/uninstalled", later)
    assert await oauth.status_of(tenant_id) == "disconnected"


async def test_only_the_gateway_ends_a_tenant_and_only_holders_of_rows_report(oauth: OauthDriver):
    tenant_id = await oauth.connect(new_domain())
    assert await _ask(oauth, "DELETE", str(tenant_id), "ingestor") == 401
    assert await _ask(oauth, "POST", f"{tenant_id}/disconnect", "webhooks") == 401
    assert (await _report(oauth, "analytics", tenant_id)).status_code == 401
    assert await oauth.status_of(tenant_id) == "active"


async def test_a_tenant_nobody_knows_can_be_neither_disconnected_nor_erased(oauth: OauthDriver):
    unknown = uuid4()
    assert await _ask(oauth, "DELETE", str(unknown)) == 404
    assert await _ask(oauth, "POST", f"{unknown}/disconnect") == 404
