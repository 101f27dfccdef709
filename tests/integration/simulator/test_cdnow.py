"""The demonstration shop has the published figures of the CDNOW data, in every way of asking."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest

from tests.integration.simulator.driver import ROOT, Process, Simulator

CDNOW = ROOT / ".cache/lifetimes/CDNOW_master.txt"
ORDERS = """{ orders { edges { node { id processedAt totalPriceSet { shopMoney { amount } }
  lineItems { edges { node { id quantity originalTotalSet { shopMoney { amount } } } } } } } } }"""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    assert CDNOW.is_file(), "run `make setup`: it fetches the CDNOW data"
    made = Process(tmp_path_factory.mktemp("cdnow"), ["--cdnow", str(CDNOW)]).start()
    yield made
    made.stop()


@pytest.fixture
async def cdnow(process: Process) -> AsyncIterator[Simulator]:
    async with Simulator(process.base, "cdnow.myshopify.com") as made:
        yield await made.install()


async def test_the_truth_is_as_published(cdnow: Simulator):
    truth = await cdnow.control("GET", "/truth?from=1997-01-01&to=1997-01-31")

    assert (truth["orders"], truth["customers"], truth["units"]) == (69_659, 23_570, 167_881)
    assert (truth["revenue"], truth["currency"]) == ("2500315.63", "USD")
    assert (truth["firstOrderDate"], truth["lastOrderDate"]) == ("1997-01-01", "1998-06-30")
    assert [
        (customer["name"], customer["orders"], customer["revenue"])
        for customer in truth["topCustomers"][:3]
    ] == [
        ("Customer 07592", 201, "13990.93"),
        ("Customer 14048", 217, "8976.33"),
        ("Customer 07983", 149, "6973.07"),
    ]
    assert len(truth["days"]) == 31
    assert sum(day["orders"] for day in truth["days"]) == 8_928
    assert sum(Decimal(day["revenue"]) for day in truth["days"]) == Decimal("299060.17")


async def test_a_bulk_operation_has_every_order_and_line(cdnow: Simulator):
    operation = await cdnow.run_bulk(ORDERS)
    text = (await cdnow.http.get(operation["url"])).text

    orders, lines = {}, defaultdict(list)
    for row in map(json.loads, text.splitlines()):
        if parent := row.get("__parentId"):
            lines[parent].append(row)
        else:
            orders[row["id"]] = row
    assert (len(orders), operation["rootObjectCount"]) == (69_659, "69659")
    assert operation["objectCount"] == str(len(orders) + sum(map(len, lines.values())))
    assert set(lines) == set(orders)
    assert sum(row["quantity"] for rows in lines.values() for row in rows) == 167_881
    assert sum(
        Decimal(row["totalPriceSet"]["shopMoney"]["amount"]) for row in orders.values()
    ) == Decimal("2500315.63")
    assert min(row["processedAt"] for row in orders.values()) == "1997-01-01T17:00:00Z"
