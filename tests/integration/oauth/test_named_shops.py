"""A signed body must name the shop that the delivery's unsigned headers name."""

from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from libs.common.errors import MessageMalformedError, PermanentError
from services.oauth.handlers import Deliveries
from tests.integration.oauth.leaving import Leaver

TOPICS = ("app/uninstalled", "shop/redact")
OTHER = "attacker.myshopify.com"
NUMBER, DOMAIN = ("id", "shop_id"), ("myshopify_domain", "shop_domain")


def _with(leaver: Leaver, topic: str, names: tuple[str, str], value: Any) -> dict[str, Any]:
    name = names[TOPICS.index(topic)]
    return {**leaver.body(topic), name: value}


async def _refused(leaver: Leaver, topic: str, body: Any) -> PermanentError:
    leaver.shopify.uninstalled.add(leaver.domain)
    with pytest.raises(PermanentError) as caught:
        await leaver.send(topic, body)
    await leaver.oauth.work()
    assert await leaver.states() == []
    assert await leaver.status() == "active"
    return caught.value


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("wrong", ["domain", "number", "both"])
async def test_a_body_that_names_another_shop_changes_nothing(
    leaver: Leaver, topic: str, wrong: str
):
    body = leaver.body(topic)
    if wrong in ("domain", "both"):
        body |= _with(leaver, topic, DOMAIN, OTHER) if wrong == "domain" else {}
        body[DOMAIN[TOPICS.index(topic)]] = OTHER
    if wrong in ("number", "both"):
        body[NUMBER[TOPICS.index(topic)]] = 1
    with capture_logs() as logs:
        error = await _refused(leaver, topic, body)

    assert error.context["reason"] == "shop_mismatch"
    events = [line for line in logs if line["event"] == "security_event"]
    assert [event["security_event"] for event in events] == ["delivery_forged"]
    assert events[0]["topic"] == topic
    assert OTHER not in str(logs)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize(
    "change",
    [None, [], "text", {"id": None, "shop_id": None}, {"id": "1", "shop_id": "1"}, {"id": True}],
)
async def test_a_body_of_another_shape_is_refused_for_good(leaver: Leaver, topic: str, change: Any):
    body: Any = {**leaver.body(topic), **change} if isinstance(change, dict) else change
    if change == {"id": True}:
        body = {"id": True, "shop_id": True, "myshopify_domain": OTHER, "shop_domain": OTHER}
    error = await _refused(leaver, topic, orjson.dumps(body))
    assert isinstance(error, MessageMalformedError)
    assert error.context["reason"] == "body_malformed"


@pytest.mark.parametrize("topic", TOPICS)
async def test_a_shop_whose_number_is_not_known_yet_is_named_by_its_domain(
    leaver: Leaver, topic: str
):
    await leaver.oauth.rows("UPDATE tenancy.shop_directory SET shop_id = NULL")
    await leaver.send(topic)
    assert await leaver.states() == ["open"]


@pytest.mark.parametrize("known", [True, False])
async def test_without_a_domain_in_the_body_the_number_must_be_known(
    leaver: Leaver, *, known: bool
):
    if not known:
        await leaver.oauth.rows("UPDATE tenancy.shop_directory SET shop_id = NULL")
    record = leaver.delivery("app/uninstalled", _with(leaver, TOPICS[0], DOMAIN, None))
    if known:
        await leaver.take(record)
    else:
        with pytest.raises(PermanentError):
            await leaver.take(record)
    assert await leaver.states() == (["open"] if known else [])


async def test_one_forged_delivery_in_a_batch_spoils_no_other_and_is_counted_once(leaver: Leaver):
    good = leaver.delivery("app/uninstalled")
    forged = leaver.delivery("shop/redact", {"shop_id": 1, "shop_domain": OTHER})
    deliveries = Deliveries(leaver.oauth.engine)
    with capture_logs() as logs:
        with pytest.raises(PermanentError):
            await deliveries.apply([good, forged])
        await deliveries.apply([good])
        with pytest.raises(PermanentError):
            await deliveries.apply([forged])
    assert await leaver.states() == ["open"]
    assert [line["event"] for line in logs].count("security_event") == 1
