# Feature: shopify-multi-tenant-dashboard, Property 12: For any tenant being synced, the system should ingest customers before orders, and orders before products, to maintain referential integrity.
"""A pull fetches all at once, and writes customers before orders, and orders before products."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.messaging.publisher import Publisher
from services.ingestor.shopify.tokens import AccessToken
from tests.integration.pulls.simulated import Simulator
from tests.properties.pulling import SIZES, ask_for_pulls, pull_until, small_shops
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant(
    "services/ingestor/pulls/state.py",
    'ENTITIES: tuple[Entity, ...] = ("customers", "orders", "products")',
    'ENTITIES: tuple[Entity, ...] = ("orders", "customers", "products")',
)
IN_ORDER = ("customers", "orders", "products")
# The database itself notes what is written when, whatever the code believes.
WATCH = """
CREATE SCHEMA watch;
CREATE TABLE watch.writes (id bigint GENERATED ALWAYS AS IDENTITY, tenant_id uuid, entity text);
CREATE FUNCTION watch.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO watch.writes (tenant_id, entity)
        SELECT DISTINCT tenant_id, TG_TABLE_NAME FROM written;
    RETURN NULL;
END $$;
"""
TRIGGERS = """
CREATE TRIGGER watch_{event} AFTER {event} ON store.{entity} REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION watch.note();
"""


@pytest.fixture
async def shopify(tmp_path: Path) -> AsyncIterator[Simulator]:
    async with small_shops(tmp_path) as running:
        yield running


@pytest.fixture
async def shops(shopify: Simulator) -> dict[str, AccessToken]:
    return {shop: await shopify.install(shop) for shop in SIZES}


@pytest.fixture
async def watched(store: Store) -> AsyncIterator[Store]:
    triggers = [
        TRIGGERS.format(event=event, entity=entity)
        for entity in IN_ORDER
        for event in ("INSERT", "UPDATE")
    ]
    await store.owner.execute(WATCH + "".join(triggers))
    yield store
    await store.owner.execute("DROP SCHEMA watch CASCADE")


@PROPERTY
@given(shop=st.sampled_from(sorted(SIZES)), shuffles=st.booleans())
async def test_customers_are_written_before_orders_and_orders_before_products(
    watched: Store,
    publisher: Publisher,
    shopify: Simulator,
    shops: dict[str, AccessToken],
    shop: str,
    shuffles: bool,
):
    [tenant] = await watched.connect([ShopKind()])
    await shopify.faults(shop, bulkShuffles=shuffles)

    async def tokens(_tenant_id: UUID) -> AccessToken:
        return shops[shop]

    async def is_done() -> bool:
        ended = "SELECT 1 FROM store.pulls WHERE state = 'succeeded'"
        return len(await watched.read([tenant], ended)) == 1

    await ask_for_pulls(watched, [tenant])
    await pull_until(watched, publisher, shopify.api, tokens, is_done)

    query = "SELECT entity FROM watch.writes WHERE tenant_id = $1 ORDER BY id"
    written = [row["entity"] for row in await watched.owner.fetch(query, tenant)]
    places = [IN_ORDER.index(entity) for entity in written]
    assert places == sorted(places)
    assert set(places) == {0, 1, 2}
