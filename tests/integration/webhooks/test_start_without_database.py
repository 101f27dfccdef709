"""A door that starts while PostgreSQL is out takes deliveries; whose they are is found later."""

import stat
from pathlib import Path

from pydantic import SecretStr

from libs.common.database.engine import create_engine
from libs.common.messaging.records import NO_TENANT, decode_records, encode_records
from services.ingestor.deliveries.unresolved import DomainUnknownError, with_tenants
from services.webhooks.directory import ShopDirectory
from tests.databases import Database
from tests.factories import new_delivery
from tests.integration.messaging.queues import Door
from tests.integration.webhooks.shopify import add_shop


async def test_the_copy_of_the_process_before_is_known_and_private(
    database: Database, database_door: Door, tmp_path: Path
):
    shop, tenant_id = await add_shop(database)
    copy = tmp_path / "shops.json"
    engine = create_engine(SecretStr(database_door.url), "test")
    await ShopDirectory(engine, copy=copy).start()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600

    written = copy.stat()
    again = ShopDirectory(engine, copy=copy)
    await again.start()
    rewritten = copy.stat()
    await again.load()
    # Not written once more, but as young as if it were.
    assert copy.stat().st_ino == rewritten.st_ino != written.st_ino
    assert copy.stat().st_mtime > rewritten.st_mtime

    await database_door.lock()
    later = ShopDirectory(engine, copy=copy)
    await later.start()
    found = later.cached(shop)
    assert found is not None
    assert found.tenant_id == tenant_id
    without = ShopDirectory(engine)
    await without.start()
    assert without.cached(shop) is None
    await engine.dispose()


async def test_a_delivery_without_tenant_gets_the_one_of_its_domain(database: Database):
    shop, tenant_id = await add_shop(database)
    engine = create_engine(SecretStr(database.url_for("ingestor")), "test")
    taken = decode_records(encode_records([new_delivery(NO_TENANT, source=shop)]))
    assert taken[0].tenant_id == NO_TENANT
    stranger = new_delivery(NO_TENANT, source="stranger.myshopify.com")
    resolved, given, [failure] = await with_tenants(engine, [*taken, stranger])
    assert [one.tenant_id for one in resolved] == [tenant_id]
    assert given[id(resolved[0])] is taken[0]
    assert failure.value is stranger
    assert isinstance(failure.error, DomainUnknownError)
    await engine.dispose()
