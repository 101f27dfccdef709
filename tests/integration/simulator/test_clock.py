"""The simulator's clock can be moved, and everything that Shopify dates moves with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.simulator.conftest import small_shop
from tests.integration.simulator.driver import SCOPES, Process, Receiver, Simulator

SHOP = "moved.myshopify.com"
HOUR, DAY = 3_600, 86_400
NAMES = "{ orders(first: 9) { nodes { name } } }"


@pytest.fixture
async def moved(tmp_path: Path) -> AsyncIterator[Simulator]:
    """A process of its own: its clock is the whole process's."""
    process = Process(tmp_path / "data", small_shop(tmp_path, SHOP)).start()
    async with Simulator(process.base, SHOP) as made:
        yield await made.install()
    assert process.stop() == 0


async def _clock(simulator: Simulator, method: str = "GET", **body: Any) -> dict[str, Any]:
    answer = await simulator.http.request(method, "/_control/clock", json=body)
    assert answer.is_success, answer.text
    return dict(answer.json()) if answer.content else {}


async def test_an_access_token_ends_when_the_clock_passes_its_hour(moved: Simulator):
    await _clock(moved, "POST", offsetSeconds=HOUR - 60)
    before = await moved.ask("{ shop { id } }")
    await _clock(moved, "POST", offsetSeconds=HOUR)
    after = await moved.ask("{ shop { id } }")

    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_refresh_token_lives_ninety_days_of_the_clock(moved: Simulator):
    pair = (await moved.token(code=await moved.code(), expiring="1")).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    await _clock(moved, "POST", offsetSeconds=90 * DAY + 1)

    assert (await moved.token(**refresh)).status_code == 401


async def test_the_sixty_days_an_app_may_see_move_with_the_clock(moved: Simulator):
    recent = await moved.order()
    seen = {}
    for days in (59, 61):
        await _clock(moved, "POST", offsetSeconds=days * DAY)
        await moved.install(SCOPES.replace("read_all_orders,", ""))
        seen[days] = [row["name"] for row in (await moved.graphql(NAMES))["orders"]["nodes"]]

    assert seen == {59: [recent["name"]], 61: []}


async def test_an_address_of_a_file_dies_when_the_clock_passes_its_seven_days(moved: Simulator):
    operation = await moved.run_bulk("{ orders { edges { node { id } } } }")
    answers = []
    for days in (6, 7):
        await _clock(moved, "POST", offsetSeconds=days * DAY + 60)
        answers.append((await moved.http.get(operation["url"])).status_code)

    assert answers == [200, 400]


async def test_what_happens_is_dated_by_the_clock(moved: Simulator, receiver: Receiver):
    await moved.subscribe("ORDERS_CREATE", receiver.uri)
    clock = await _clock(moved, "POST", at="2031-05-06T07:08:09Z")
    order = await moved.order()
    [delivery] = await receiver.wait_for(1)
    shown = await moved.http.get("/_control/health")

    start = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    triggered = delivery.headers["x-shopify-triggered-at"]
    dates = [
        datetime.fromisoformat(clock["now"]),
        datetime.fromisoformat(order["createdAt"]),
        datetime.fromisoformat(order["updatedAt"]),
        datetime.fromisoformat(triggered),
        parsedate_to_datetime(shown.headers["date"]),
    ]
    assert all(start <= date < start + timedelta(hours=1) for date in dates), dates
    assert len(shown.headers.get_list("date")) == 1


async def test_the_clock_is_set_right_again(moved: Simulator):
    await _clock(moved, "POST", at="2031-05-06T07:08:09")
    far = await _clock(moved)
    await _clock(moved, "DELETE")
    right = await _clock(moved)

    assert far["now"].startswith("2031-05-06T07:")
    assert far["offsetSeconds"] != 0
    assert right["offsetSeconds"] == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "give either offsetSeconds or at"),
        ({"offsetSeconds": 1, "at": "2031-05-06T07:08:09Z"}, "give either offsetSeconds or at"),
        ({"offsetSeconds": 1e300}, "at most 50 years"),
        ({"at": "0001-01-01T00:00:00Z"}, "at most 50 years"),
        ({"at": "tomorrow"}, "at"),
        ({"offset": 5}, "offset"),
    ],
)
async def test_a_time_that_cannot_be_is_refused(
    simulator: Simulator, body: dict[str, Any], words: str
):
    answer = await simulator.http.post("/_control/clock", json=body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]
