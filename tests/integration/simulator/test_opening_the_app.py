"""Chosen in the shop's admin, the app is opened with a query that Shopify signed."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from libs.simulator.oauth import query_signature
from tests.integration.simulator.conftest import small_shop
from tests.integration.simulator.driver import KEY, SECRET, Process, Simulator

SHOP = "opened.myshopify.com"


async def test_the_admin_opens_the_app_signed_and_knows_no_other(tmp_path: Path):
    arguments = [*small_shop(tmp_path, SHOP), "--app-url", "http://127.0.0.1:9/begin?from=admin"]
    process = Process(tmp_path / "data", arguments).start()
    async with Simulator(process.base, SHOP) as simulator:
        opened = await simulator.http.get(f"/{SHOP}/admin/apps/{KEY}")
        unknown = await simulator.http.get(f"/{SHOP}/admin/apps/somebody")
    process.stop()

    address = urlsplit(opened.headers["location"])
    told = dict(parse_qsl(address.query))
    assert (opened.status_code, address.path, unknown.status_code) == (302, "/begin", 404)
    assert told.pop("from") == "admin"
    assert set(told) == {"host", "shop", "timestamp", "hmac"}
    assert told["shop"] == SHOP
    assert told["hmac"] == query_signature(told, SECRET)


async def test_an_app_without_an_address_cannot_be_opened(simulator: Simulator):
    assert (await simulator.http.get(f"/{simulator.shop}/admin/apps/{KEY}")).status_code == 404
