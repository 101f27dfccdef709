"""A shop on its way out: what oauth has decided about it, and the events that tell of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import create_engine
from libs.common.database.transaction import transaction
from libs.common.events.contracts import (
    TenantErased,
    TenantErasureCancelled,
    TenantErasureScheduled,
)
from libs.common.web.client import ServiceClient
from services.gateway.events import event_handlers
from services.ingestor.privacy.erasure import erase_tenant, queue_erasure
from services.ingestor.tasks.repository import TaskKind, claim_tasks
from tests.integration.analytics.shop_facts import Shop
from tests.integration.gateway.platform import (
    PASSWORD,
    Platform,
    domain_of,
    erase_what_is_due,
)

ERASURE = "/api/tenants/current"
TABLES = ("users", "memberships", "sessions", "redeemed_claims")


async def ask_to_erase(
    browser: httpx.AsyncClient, confirm: object, password: object = PASSWORD
) -> httpx.Response:
    return await browser.request("DELETE", ERASURE, json={"confirm": confirm, "password": password})


async def schedule(platform: Platform, shop: Shop) -> str:
    """In oauth alone, as though the event were on its way; answers with when it is due."""
    told = await platform.parts.oauth.ask(
        "DELETE", f"/internal/tenants/{shop.tenant_id}", tenant_id=shop.tenant_id
    )
    return str(told["dueAt"])


async def cancel(platform: Platform, shop: Shop) -> None:
    """In oauth alone: what happens when the shop connects again, too."""
    oauth = ServiceClient("oauth", platform.upstreams["OAUTH_URL"], platform.keys.signer("ops"))
    await oauth.ask("POST", f"/internal/erasures/{shop.tenant_id}/cancel", tenant_id=shop.tenant_id)
    await oauth.close()


async def begin(platform: Platform, shop: Shop) -> None:
    """In oauth alone: a scheduled erasure is due."""
    await platform.execute(
        "UPDATE tenancy.erasures SET due_at = now() WHERE tenant_id = $1", shop.tenant_id
    )
    await erase_what_is_due(platform)


def scheduled(shop: Shop, **values: Any) -> TenantErasureScheduled:
    due_at = values.pop("due_at", "2026-12-02T10:00:00Z")
    return TenantErasureScheduled(tenant_id=shop.tenant_id, due_at=due_at, cause="owner", **values)


def cancelled(shop: Shop) -> TenantErasureCancelled:
    return TenantErasureCancelled(tenant_id=shop.tenant_id)


def erased(shop: Shop) -> TenantErased:
    return TenantErased(tenant_id=shop.tenant_id)


async def gateway_hears(platform: Platform, event: Any) -> None:
    handlers = event_handlers(platform.parts.engine, platform.parts.oauth)
    await handlers[type(event)](event)


async def ingestor_hears(platform: Platform, event: TenantErased) -> None:
    """And works off what follows."""
    async with ingestor_of(platform) as (engine, oauth):
        await queue_erasure(event, engine, oauth)
        async with transaction(engine) as tx:
            tasks = await claim_tasks(tx, [TaskKind.ERASURE], 9)
        for task in tasks:
            await erase_tenant(task, engine, oauth)


@asynccontextmanager
async def ingestor_of(platform: Platform) -> AsyncIterator[tuple[AsyncEngine, ServiceClient]]:
    """What the ingestor works with: its database role, and oauth as it asks it."""
    url = platform.upstreams["OAUTH_URL"]
    oauth = ServiceClient("oauth", url, platform.keys.signer("ingestor"))
    engine = create_engine(SecretStr(platform.database.url_for("ingestor")), "test")
    try:
        yield engine, oauth
    finally:
        await oauth.close()
        await engine.dispose()


async def rows(platform: Platform) -> dict[str, int]:
    counts = {}
    for table in TABLES:
        [row] = await platform.fetch(f"SELECT count(*) AS n FROM identity.{table}")
        counts[table] = row["n"]
    return counts


async def noted_state(platform: Platform, shop: Shop) -> str | None:
    """What the gateway has noted of the shop's erasure."""
    query = "SELECT state FROM identity.tenant_erasures WHERE tenant_id = $1"
    found = await platform.fetch(query, shop.tenant_id)
    return found[0]["state"] if found else None


async def join_shop(platform: Platform, username: str, shop: Shop, role: str = "owner") -> None:
    """Make a user a member of one more shop."""
    await platform.execute(
        "INSERT INTO identity.memberships (tenant_id, user_id, shop_domain, role)"
        " SELECT $1, id, $2, $3 FROM identity.users WHERE username = $4",
        shop.tenant_id,
        domain_of(shop.tenant_id),
        role,
        username,
    )
