"""What Shopify tells of an app's life changes the tenant once, and never what came after it."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from structlog.testing import capture_logs

from libs.common.clock import utc_now
from libs.common.errors import MessageMalformedError, PermanentError
from libs.common.messaging.records import DeliveryRecord
from services.oauth.handlers import Deliveries
from tests.factories import new_delivery
from tests.integration.oauth.driver import OauthDriver, new_domain
from tests.integration.oauth.scripted_shopify import SCOPES, ScriptedShopify


@pytest.fixture
def deliveries(oauth: OauthDriver) -> Deliveries:
    return Deliveries(oauth.engine)


def _record(
    tenant_id: UUID, topic: str, *, time: datetime | None = None, body: bytes = b"{}"
) -> DeliveryRecord:
    time = time or utc_now() + timedelta(seconds=2)
    return new_delivery(tenant_id, topic, body, time=time)


def _scopes(shop_id: int, *current: str) -> bytes:
    shop = f"gid://shopify/Shop/{shop_id}"
    return orjson.dumps({"id": 1, "shop_id": shop, "previous": [], "current": current})


async def test_scopes_that_change_are_kept(
    oauth: OauthDriver, shopify: ScriptedShopify, deliveries: Deliveries
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    body = _scopes(shopify.number_of(domain), "write_products", "read_orders")

    await deliveries.apply([_record(tenant_id, "app/scopes_update", body=body)])

    scopes = (await oauth.token(tenant_id)).json()["scopes"]
    assert scopes == ["read_orders", "write_products"]


async def test_scopes_update_of_another_shop_changes_nothing(
    oauth: OauthDriver, shopify: ScriptedShopify, deliveries: Deliveries
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    body = _scopes(shopify.number_of(domain) + 1, "read_products")
    record = _record(tenant_id, "app/scopes_update", body=body)

    with capture_logs() as logs, pytest.raises(PermanentError) as caught:
        await deliveries.apply([record])

    assert caught.value.context["reason"] == "shop_mismatch"
    assert [line["security_event"] for line in logs if "security_event" in line] == [
        "delivery_forged"
    ]
    assert (await oauth.token(tenant_id)).json()["scopes"] == sorted(SCOPES.split(","))


async def test_a_batch_is_one_transaction_in_the_order_of_time(
    oauth: OauthDriver, shopify: ScriptedShopify, deliveries: Deliveries
):
    domain = new_domain()
    tenant_id = await oauth.connect(domain)
    number = shopify.number_of(domain)
    soon, later = (utc_now() + timedelta(seconds=seconds) for seconds in (2, 3))
    old = _record(tenant_id, "app/scopes_update", time=soon, body=_scopes(number, "read_orders"))
    new = _record(tenant_id, "app/scopes_update", time=later, body=_scopes(number, "read_products"))

    with pytest.raises(PermanentError):
        await deliveries.apply([new, old, _record(tenant_id, "orders/create", time=later)])
    assert (await oauth.token(tenant_id)).json()["scopes"] == sorted(SCOPES.split(","))

    await deliveries.apply([new, old])
    assert (await oauth.token(tenant_id)).json()["scopes"] == ["read_products"]


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"current": "all"}'])
async def test_a_body_that_is_no_scopes_update_is_refused_for_good(
    oauth: OauthDriver, deliveries: Deliveries, body: bytes
):
    tenant_id = await oauth.connect(new_domain())
    with pytest.raises(MessageMalformedError) as caught:
        await deliveries.apply([_record(tenant_id, "app/scopes_update", body=body)])
    assert caught.value.context["reason"] == "body_malformed"


@pytest.mark.parametrize("topic", ["shop/update", "orders/create", ""])
async def test_a_topic_without_a_handler_is_refused_for_good(deliveries: Deliveries, topic: str):
    with pytest.raises(PermanentError) as caught:
        await deliveries.apply([_record(uuid4(), topic)])
    assert caught.value.context["reason"] == "topic_not_handled"


async def test_a_delivery_of_a_tenant_that_is_gone_is_passed_over(
    oauth: OauthDriver, deliveries: Deliveries
):
    await deliveries.apply([_record(uuid4(), "app/uninstalled")])
    assert await oauth.rows("SELECT 1 FROM tenancy.outbox") == []
