"""Deletions are confirmed a few hundred a question, by one worker at a time, a turn a tenant."""

import asyncio
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.events.contracts import StoreChanged
from libs.common.messaging.consumer import listen_to_hints
from libs.common.messaging.publisher import Publisher
from services.ingestor.deletions import repository
from services.ingestor.deletions.repository import TurnLostError
from services.ingestor.deletions.settling import settle
from services.ingestor.deletions.worker import SHOWN_HISTORY
from tests.brokers import Broker
from tests.databases import Database
from tests.integration.messaging.queues import running, until
from tests.integration.pulls.live import live_path
from tests.integration.pulls.pulled_shop import OTHER, PulledShop
from tests.integration.pulls.simulated import ROOT, InstalledShops, simulator, write_shop
from tests.integration.pulls.tenants import PulledTenant, connected, working
from tests.integration.pulls.test_further_entities import SHOP
from tests.integration.webhooks.shopify import SECRET, add_shop

_ADD_SHOP = text("""INSERT INTO store.shops
    (tenant_id, shopify_id, domain, name, currency, zone, observed_at)
    VALUES (:tenant_id, 1, 'other.myshopify.com', 'Cups', 'EUR', 'UTC', now())""")


async def _beside(pulled: PulledShop, database: Database) -> PulledShop:
    """Another tenant, whose shop is small and well."""
    tenant = PulledTenant(pulled.tenant.engine, await connected(database))
    assert isinstance(pulled.tokens, InstalledShops)
    pulled.tokens.by_tenant[tenant.id] = await pulled.simulator.install(OTHER)
    async with transaction(tenant.engine, tenants=[tenant.id]) as tx:
        await tx.execute(_ADD_SHOP, {"tenant_id": tenant.id})
    return replace(pulled, tenant=tenant)


def _products(first: int, last: int) -> list[tuple[str, dict[str, int]]]:
    return [("products/delete", {"id": number}) for number in range(first, last + 1)]


async def test_six_hundred_deletions_are_three_questions(pulled: PulledShop) -> None:
    await pulled.deliver(*_products(1, 600))
    async with pulled.confirming():
        await pulled.until_settled()
    assert [len(each["variables"]["ids"]) for each in pulled.questions] == [250, 250, 100]
    asked = {name for each in pulled.questions for name in each["variables"]["ids"]}
    assert len(asked) == 600


async def test_a_shop_that_cannot_be_asked_keeps_no_other_waiting(
    pulled: PulledShop, database: Database
) -> None:
    other = await _beside(pulled, database)
    await pulled.simulator.faults(SHOP, apiStatus=503)
    await pulled.deliver(*_products(1, 1))
    await other.deliver(*_products(1, 1))
    async with pulled.confirming():
        await other.until_settled()
    assert len(await pulled.checks()) == 1


async def test_a_tenant_with_more_than_one_question_waits_behind_all_others_for_the_next(
    pulled: PulledShop, database: Database
) -> None:
    other, engine = await _beside(pulled, database), pulled.tenant.engine
    await pulled.deliver(*_products(1, 600))
    await other.deliver(*_products(1, 1))

    served: list[UUID] = []
    for _ in range(4):
        async with transaction(engine) as tx:
            [turn] = await repository.claim(tx, 1)
        served.append(turn.tenant_id)
        async with transaction(engine, tenants=[turn.tenant_id]) as tx:
            checks = await repository.read_due(tx, turn.tenant_id, 250, SHOWN_HISTORY)
        await settle(engine, turn, checks, set(checks))

    large = pulled.tenant.id
    assert served == [large, other.tenant.id, large, large]
    assert await pulled.checks() == []


async def test_a_worker_whose_turn_was_taken_over_writes_nothing(pulled: PulledShop) -> None:
    engine = pulled.tenant.engine
    number = await pulled.any_id()
    before = await pulled.figures()
    await pulled.deliver(("orders/delete", {"id": number}))
    async with transaction(engine) as tx:
        [first] = await repository.claim(tx, 9)
        assert await repository.claim(tx, 9) == []
    async with transaction(engine, tenants=[first.tenant_id]) as tx:
        checks = await repository.read_due(tx, first.tenant_id, 250, SHOWN_HISTORY)
        await tx.execute(text("UPDATE store.deletion_turns SET lease_until = now()"))
    async with transaction(engine) as tx:
        [second] = await repository.claim(tx, 9)

    with pytest.raises(TurnLostError):
        await settle(engine, first, checks, set(checks))
    assert await pulled.figures() == before
    settled = await settle(engine, second, checks, set())
    assert (settled.applied, settled.version) == (0, None)
    assert [check["asked"] for check in await pulled.checks()] == [1]


async def test_a_killed_workers_questions_are_asked_by_the_next(
    pulled: PulledShop, database: Database, broker: Broker
) -> None:
    number = await pulled.any_id()
    await pulled.control("DELETE", f"orders/{number}")
    await pulled.deliver(("orders/delete", {"id": number}))
    await pulled.simulator.faults(SHOP, apiLatency=300)
    assert isinstance(pulled.tokens, InstalledShops)
    given = {
        "database_url": database.url_for("ingestor"),
        "amqp_url": broker.url_for("ingestor"),
        "api_url": pulled.simulator.api.url,
        "shop": SHOP,
        "token": pulled.tokens.by_tenant[pulled.tenant.id].access_token,
    }
    script = Path(__file__).with_name("pulling.py")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, str(script), json.dumps(given), cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )

    async def claimed() -> bool:
        return (await pulled.turn())["lease_owner"] is not None

    await until(claimed)
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    await pulled.simulator.faults(SHOP)
    assert len(await pulled.checks()) == 1
    await pulled.tenant.rows("UPDATE store.deletion_turns SET lease_until = now() RETURNING 1")
    async with pulled.confirming():
        await pulled.until_settled()
    assert await pulled.tenant.differences() == []


async def test_a_deleted_order_leaves_the_figures_by_the_whole_live_path_and_a_hint_follows(
    database: Database, broker: Broker, engine: AsyncEngine, publisher: Publisher, tmp_path: Path
) -> None:
    domain, tenant_id = await add_shop(database)
    tenant, shops = PulledTenant(engine, tenant_id), InstalledShops()
    await tenant.queue()
    hints: list[StoreChanged] = []

    async def hear(key: str, body: bytes) -> None:
        if key == StoreChanged.TYPE:
            hints.append(StoreChanged.from_json(body))

    file = write_shop(tmp_path / "shop.csv", orders=20)
    async with (
        simulator(tmp_path / "sim", "--shop", f"{domain}={file}") as shopify,
        live_path(database, broker) as webhooks_url,
        running(listen_to_hints(SecretStr(broker.url_for("gateway")), "test", hear)),
    ):
        await shopify.faults(domain, signWith=SECRET)
        shops.by_tenant[tenant_id] = await shopify.install(domain)
        async with working(engine, publisher, shopify, shops, webhooks_url=webhooks_url):
            assert (await tenant.until_ended())["state"] == "succeeded"
            [order] = await tenant.rows("SELECT id FROM store.orders ORDER BY id LIMIT 1")
            hints.clear()
            await shopify.ask("DELETE", f"shops/{domain}/orders/{order['id']}")

            async def is_gone() -> bool:
                return (await tenant.totals())["orders"] == 19

            async def is_told() -> bool:
                return bool(hints)

            await until(is_gone)
            await until(is_told)
        truth = await shopify.truth(domain)
    totals = await tenant.totals()
    assert (totals["orders"], str(totals["revenue"])) == (truth["orders"], truth["revenue"])
    assert await tenant.differences() == []
