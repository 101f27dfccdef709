"""Clients that others made, unmodified, read a whole shop from the simulator as from Shopify, and
find in it what the simulator says is there. `make third-party` installs them."""

import json
import os
import ssl
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.integration.simulator.driver import GENERATED, KEY, ROOT, SCOPES, SECRET, Process

pytestmark = pytest.mark.third_party

_INSTALLED = ROOT / ".cache/third-party"
_NAME = GENERATED.removesuffix(".myshopify.com")
_URL = f"https://{GENERATED}"
_ALL_TIME = "2020-01-01"
_DAYS_AT_ONCE = 4_000

Records = dict[str, list[dict[str, Any]]]


class Shop(NamedTuple):
    """A shop that is reached as at Shopify: by HTTPS, by its name, with a token."""

    token: str
    truth: dict[str, Any]
    environment: dict[str, str]


class Figures(NamedTuple):
    """What a client read. Orders are those that are not tests, as in the simulator's truth."""

    orders: int
    revenue: Decimal
    customers: int
    products: int


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    arguments = ["--generated", "7", "--size", "300", "--tls"]
    simulator = Process(folder / "data", arguments).start()
    ca, port = simulator.ready["ca"], simulator.ready["port"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.third_party.tunnel", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as tunnel:
        assert tunnel.stdout is not None
        proxy = tunnel.stdout.readline().strip()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "HTTPS_PROXY": proxy,
            "SSL_CERT_FILE": ca,
            "REQUESTS_CA_BUNDLE": ca,
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }
        trust = ssl.create_default_context(cafile=ca)
        with httpx.Client(base_url=_URL, proxy=proxy, verify=trust, timeout=30) as http:
            truth = http.get(f"/_control/shops/{GENERATED}/truth").json()
            yield Shop(_installed_token(http), truth, environment)
        tunnel.terminate()
    assert simulator.stop() == 0


def _installed_token(http: httpx.Client) -> str:
    scope = f"{SCOPES},read_inventory"
    asked = {"client_id": KEY, "scope": scope, "redirect_uri": "http://127.0.0.1:9/", "state": "s"}
    address = http.get("/admin/oauth/authorize", params=asked).headers["location"]
    code = dict(parse_qsl(urlsplit(address).query))["code"]
    form = {"client_id": KEY, "client_secret": SECRET, "code": code, "expiring": "1"}
    return str(http.post("/admin/oauth/access_token", data=form).json()["access_token"])


def _output(shop: Shop, client: str, *command: str | Path) -> list[str]:
    """What the client prints, line by line, when it ends well."""
    program, *arguments = command
    done = subprocess.run(
        [_INSTALLED / client / "bin" / program, *arguments],
        cwd=shop.environment["HOME"],
        env=shop.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout.splitlines()


def _written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def _expected(shop: Shop) -> Figures:
    truth = shop.truth
    revenue = Decimal(truth["revenue"])
    return Figures(truth["orders"], revenue, truth["customers"], truth["products"])


def _figures(records: Records, prices: dict[Any, Any]) -> Figures:
    """`prices` are those of the orders by id: an order that came twice counts once."""
    orders = {order["id"] for order in records["orders"] if not order["test"]}
    revenue = sum((Decimal(str(prices[number])) for number in orders), Decimal(0))
    customers, products = (
        len({row["id"] for row in records[name]}) for name in ("customers", "products")
    )
    return Figures(len(orders), revenue, customers, products)


def test_airbyte_reads_orders_and_customers_by_rest_and_products_in_bulk(
    shop: Shop, tmp_path: Path
):
    config = {
        "shop": _NAME,
        "start_date": _ALL_TIME,
        "bulk_window_in_days": _DAYS_AT_ONCE,
        "credentials": {"auth_method": "api_password", "api_password": shop.token},
    }
    program = ("airbyte-source-shopify", "source-shopify")
    given = ("--config", _written(tmp_path, "config.json", config))
    messages = map(json.loads, _output(shop, *program, "discover", *given))
    [catalog] = [one["catalog"] for one in messages if one["type"] == "CATALOG"]
    chosen = [
        {"stream": one, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
        for one in catalog["streams"]
        if one["name"] in {"orders", "customers", "products", "product_variants"}
    ]
    wanted = _written(tmp_path, "catalog.json", {"streams": chosen})

    records: Records = defaultdict(list)
    for line in _output(shop, *program, "read", *given, "--catalog", wanted):
        if (message := json.loads(line))["type"] == "RECORD":
            records[message["record"]["stream"]].append(message["record"]["data"])

    prices = {order["id"]: order["total_price"] for order in records["orders"]}
    assert _figures(records, prices) == _expected(shop)
    assert _units(records["orders"]) == shop.truth["units"]
    variants = {one["id"]: one["product_id"] for one in records["product_variants"]}
    assert Counter(variants.values()) == {
        product["id"]: product["total_variants"] for product in records["products"]
    }


def _units(orders: list[dict[str, Any]]) -> int:
    lines = (line for order in orders if not order["test"] for line in order["line_items"])
    return sum(line["quantity"] for line in lines)


def test_tap_shopify_reads_orders_in_bulk_and_the_rest_in_pages(shop: Shop, tmp_path: Path):
    config = {
        "shop": _NAME,
        "start_date": f"{_ALL_TIME}T00:00:00Z",
        "date_window_size": str(_DAYS_AT_ONCE),
        "access_token": shop.token,
    }
    program = ("tap-shopify", "tap-shopify")
    given = ("--config", _written(tmp_path, "config.json", config))
    catalog = json.loads("".join(_output(shop, *program, *given, "--discover")))
    for stream in catalog["streams"]:
        _select(stream)
    wanted = _written(tmp_path, "catalog.json", catalog)

    records: Records = defaultdict(list)
    for line in _output(shop, *program, *given, "--catalog", wanted):
        if (message := json.loads(line))["type"] == "RECORD":
            records[message["stream"]].append(message["record"])

    prices = {
        order["id"]: order["totalPriceSet"]["shopMoney"]["amount"] for order in records["orders"]
    }
    assert _figures(records, prices) == _expected(shop)
    variants = {one["id"]: one["product"]["id"] for one in records["product_variants"]}
    assert Counter(variants.values()) == {
        product["id"]: len(product["options"][0]["values"]) for product in records["products"]
    }


_WHOLE = "product_variants"
_SELECTED = {
    "orders": {"totalPriceSet", "test", "createdAt", "processedAt", "name", "currencyCode"},
    "customers": {"email", "firstName", "lastName", "numberOfOrders", "amountSpent", "createdAt"},
    "products": {"title", "handle", "vendor", "status", "options", "totalInventory", "createdAt"},
}


def _select(stream: dict[str, Any]) -> None:
    """In a Singer catalog a stream and each of its fields are chosen by hand."""
    name = stream["tap_stream_id"]
    fields = _SELECTED.get(name, set())
    for item in stream["metadata"]:
        is_chosen = not item["breadcrumb"] or item["breadcrumb"][1] in fields
        item["metadata"]["selected"] = name == _WHOLE or (name in _SELECTED and is_chosen)


def test_dlt_loads_a_shop_into_a_database(shop: Shop, tmp_path: Path):
    script = Path(__file__).parent / "dlt_pipeline.py"
    *_, last = _output(shop, "dlt", "python", script, _URL, shop.token, tmp_path)
    orders, distinct, revenue, units, customers, products = json.loads(last)

    found = Figures(int(orders), Decimal(revenue), int(customers), int(products))
    assert found == _expected(shop)
    assert (distinct, int(units)) == (orders, shop.truth["units"])
