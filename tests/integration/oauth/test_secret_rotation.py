"""While the client secret is changed, Shopify may sign a callback with either; tokens are asked for
with the new one."""

from tests.integration.oauth.driver import OLDER_SECRET
from tests.integration.oauth.simulated import Connected
from tests.integration.simulator.driver import SECRET


async def test_a_callback_signed_with_the_older_secret_connects_by_the_newer_one(toys: Connected):
    await toys.shop.control("POST", "/faults", {"signWith": OLDER_SECRET})

    answer = await toys.come_back()

    assert answer.status_code == 303
    assert [call["client_secret"] for call in toys.door.calls] == [SECRET]
    assert await toys.takes(await toys.token())


async def test_a_callback_signed_with_neither_is_refused_and_asks_for_nothing(toys: Connected):
    await toys.shop.control("POST", "/faults", {"signWith": "bad"})

    answer = await toys.come_back()

    assert answer.json()["error"]["details"] == {"reason": "hmac_invalid"}
    assert toys.door.calls == []
