"""A shop is reached by its own host as at Shopify, and what it writes leads back there."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.integration.simulator.driver import KEY, SECRET, VERSION, Simulator

CODE = {
    "client_id": KEY,
    "scope": "read_orders,read_all_orders",
    "redirect_uri": "http://127.0.0.1:9/callback",
    "state": "0a1b",
}
ORDERS = "{ orders { edges { node { id } } } }"


async def test_an_app_is_installed_and_asks_by_host(simulator: Simulator):
    host = {"Host": simulator.shop}
    sent = await simulator.http.get("/admin/oauth/authorize", params=CODE, headers=host)
    code = dict(parse_qsl(urlsplit(sent.headers["location"]).query))["code"]
    pair = await simulator.http.post(
        "/admin/oauth/access_token",
        data={"client_id": KEY, "client_secret": SECRET, "code": code, "expiring": "1"},
        headers=host,
    )
    answer = await simulator.http.post(
        f"/admin/api/{VERSION}/graphql.json",
        json={"query": "{ shop { myshopifyDomain } }"},
        headers={**host, "X-Shopify-Access-Token": pair.json()["access_token"]},
    )

    assert answer.json()["data"] == {"shop": {"myshopifyDomain": simulator.shop}}


@pytest.mark.parametrize("port", ["", ":8443"])
async def test_a_page_names_the_next_by_the_host_it_was_asked_by(simulator: Simulator, port: str):
    host = {"Host": f"{simulator.shop.upper()}{port}", **simulator.headers}
    path = f"/admin/api/{VERSION}/orders.json"
    params = {"limit": "1", "status": "any"}
    first = await simulator.http.get(path, params=params, headers=host)
    address = first.headers["link"].partition(">")[0].removeprefix("<")
    parts = urlsplit(address)
    second = await simulator.http.get(f"{parts.path}?{parts.query}", headers=host)

    assert (parts.netloc.lower(), parts.path) == (f"{simulator.shop}{port}", path)
    assert second.status_code == 200
    assert second.json()["orders"][0]["id"] != first.json()["orders"][0]["id"]


async def test_by_path_a_page_names_the_next_by_path(simulator: Simulator):
    path = f"/{simulator.shop}/admin/api/{VERSION}/orders.json?limit=1&status=any"
    first = await simulator.http.get(path, headers=simulator.headers)
    address = first.headers["link"].partition(">")[0].removeprefix("<")

    assert address.startswith(str(simulator.http.base_url.join(f"{path.partition('?')[0]}?")))
    assert (await simulator.http.get(address, headers=simulator.headers)).status_code == 200


async def test_a_bulk_file_is_fetched_from_the_host_it_was_asked_by(simulator: Simulator):
    operation = await simulator.run_bulk(ORDERS)
    host = {"Host": f"{simulator.shop}:8443", **simulator.headers}
    query = "query ($id: ID!) { bulkOperation(id: $id) { url } }"
    answer = await simulator.http.post(
        f"/admin/api/{VERSION}/graphql.json",
        json={"query": query, "variables": {"id": operation["id"]}},
        headers=host,
    )
    parts = urlsplit(answer.json()["data"]["bulkOperation"]["url"])
    file = await simulator.http.get(f"{parts.path}?{parts.query}", headers=host)

    assert parts.netloc == f"{simulator.shop}:8443"
    assert file.status_code == 200
    assert len(file.text.splitlines()) == 4


@pytest.mark.parametrize("host", ["nobody.myshopify.com", "127.0.0.1"])
async def test_a_host_that_is_no_shop_here_has_no_admin(simulator: Simulator, host: str):
    answer = await simulator.http.get(
        f"/admin/api/{VERSION}/shop.json", headers={**simulator.headers, "Host": host}
    )

    assert answer.status_code == 404
