"""A tenant's events decide what is pulled: a replay changes nothing, a new connection replaces
what is unfinished, and a late event never undoes a newer one.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.errors import TenantNotFoundError
from libs.common.events.contracts import TenantConnected, TenantDisconnected
from libs.common.ids import new_id
from services.ingestor.kinds.registry import KINDS
from services.ingestor.pulls import leases
from services.ingestor.pulls.events import tenant_handlers

SHOP = "queue.myshopify.com"


class Tenant:
    """Sends events about one tenant and reads what became of them."""

    def __init__(self, engine: AsyncEngine, tenant_id: UUID) -> None:
        self.engine = engine
        self.id = tenant_id
        self.woken = 0
        self.handlers = tenant_handlers(engine, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def connect(self, at: datetime, event_id: UUID | None = None) -> UUID:
        event = TenantConnected(
            event_id=event_id or new_id(), tenant_id=self.id, occurred_at=at, shop_domain=SHOP
        )
        await self.handlers[TenantConnected](event)
        return event.event_id

    async def disconnect(self, at: datetime, reason: str = "uninstalled") -> None:
        event = TenantDisconnected(tenant_id=self.id, occurred_at=at, reason=reason)
        await self.handlers[TenantDisconnected](event)

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with transaction(self.engine, tenants=[self.id]) as tx:
            return [dict(row._mapping) for row in await tx.execute(text(query))]

    async def states(self) -> dict[UUID, str]:
        rows = await self.rows("SELECT id, state FROM store.pulls")
        return {row["id"]: row["state"] for row in rows}

    async def schedule(self) -> dict[str, Any]:
        [row] = await self.rows("SELECT * FROM store.schedule")
        return row


@pytest.fixture
def tenant(engine: AsyncEngine, tenant_id: UUID) -> Tenant:
    return Tenant(engine, tenant_id)


async def test_a_connected_tenant_is_due_at_once_with_every_entity_waiting(tenant: Tenant):
    pull_id = await tenant.connect(utc_now())
    assert await tenant.states() == {pull_id: "queued"}
    entities = await tenant.rows("SELECT entity, state FROM store.pull_entities ORDER BY entity")
    assert {row["entity"] for row in entities} == {"customers", "orders", "products", *KINDS}
    assert {row["state"] for row in entities} == {"waiting"}
    [claim] = await leases.claim_due(tenant.engine, 10)
    assert (claim.tenant_id, claim.pull_id) == (tenant.id, pull_id)
    assert tenant.woken == 1


async def test_a_replayed_event_is_one_pull(tenant: Tenant):
    at = utc_now()
    pull_id = await tenant.connect(at)
    [claim] = await leases.claim_due(tenant.engine, 10)
    await tenant.connect(at, event_id=pull_id)
    assert await tenant.states() == {pull_id: "queued"}
    assert (await tenant.schedule())["lease_owner"] == claim.owner
    assert tenant.woken == 1


async def test_a_new_connection_replaces_an_unfinished_pull_and_takes_its_lease(tenant: Tenant):
    old = await tenant.connect(utc_now() - timedelta(minutes=1))
    [claim] = await leases.claim_due(tenant.engine, 10)
    new = await tenant.connect(utc_now())
    assert await tenant.states() == {old: "failed", new: "queued"}
    [ended] = await tenant.rows("SELECT errors FROM store.pulls WHERE state = 'failed'")
    assert [error["code"] for error in ended["errors"]] == ["PULL_SUPERSEDED"]
    with pytest.raises(leases.LeaseLostError):
        async with transaction(tenant.engine) as tx:
            await leases.hold(tx, claim)
    [taken] = await leases.claim_due(tenant.engine, 10)
    assert taken.pull_id == new


async def test_an_old_connection_that_arrives_late_is_not_pulled_again(tenant: Tenant):
    new = await tenant.connect(utc_now())
    await tenant.connect(utc_now() - timedelta(minutes=5))
    assert await tenant.states() == {new: "queued"}


async def test_a_disconnected_tenant_is_pulled_no_more(tenant: Tenant):
    pull_id = await tenant.connect(utc_now())
    [claim] = await leases.claim_due(tenant.engine, 10)
    await tenant.disconnect(utc_now())
    assert await tenant.states() == {pull_id: "failed"}
    assert (await tenant.schedule())["due_at"] is None
    with pytest.raises(leases.LeaseLostError):
        async with transaction(tenant.engine) as tx:
            await leases.hold(tx, claim)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("uninstalled", "TENANT_DISCONNECTED"),
        ("owner", "TENANT_DISCONNECTED"),
        ("reconnect_required", "RECONNECT_REQUIRED"),
    ],
)
async def test_a_pull_that_was_stopped_says_what_the_merchant_has_to_know(
    tenant: Tenant, reason: str, code: str
):
    await tenant.connect(utc_now())
    await tenant.disconnect(utc_now(), reason)
    [pull] = await tenant.rows("SELECT errors FROM store.pulls")
    [error] = pull["errors"]
    assert error["code"] == code
    assert ("connected again" in error["message"]) == (reason == "reconnect_required")


async def test_a_late_disconnection_does_not_stop_the_pull_of_a_newer_connection(tenant: Tenant):
    pull_id = await tenant.connect(utc_now())
    await tenant.disconnect(utc_now() - timedelta(minutes=5))
    assert await tenant.states() == {pull_id: "queued"}
    assert (await tenant.schedule())["due_at"] is not None


async def test_a_tenant_that_was_erased_meanwhile_is_a_lasting_error(engine: AsyncEngine):
    gone = Tenant(engine, new_id())
    with pytest.raises(TenantNotFoundError):
        await gone.connect(utc_now())
