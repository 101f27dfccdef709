"""Each way in which Shopify says no becomes the error that decides what happens next."""

import json
from typing import Any

import httpx
import pytest

from libs.common.errors import (
    PlatformError,
    ReconnectRequiredError,
    ShopifyRateLimitError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)
from services.ingestor.shopify.answers import read_answer


def _response(status: int, body: Any, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body), headers=headers)


def _error(code: str | None, message: str = "No.") -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}], "data": None}


def test_data_come_with_the_time_on_shopifys_clock():
    answer = read_answer(
        _response(200, {"data": {"shop": {}}}, Date="Tue, 24 Nov 2026 01:02:03 GMT")
    )
    assert answer.data == {"shop": {}}
    assert answer.observed_at.isoformat() == "2026-11-24T01:02:03+00:00"


def test_throttling_says_how_long_the_missing_points_take():
    throttle = {"maximumAvailable": 2000.0, "currentlyAvailable": 120, "restoreRate": 100.0}
    cost = {"requestedQueryCost": 299, "actualQueryCost": None, "throttleStatus": throttle}
    body = {**_error("THROTTLED"), "extensions": {"cost": cost}}
    with pytest.raises(ShopifyRateLimitError) as caught:
        read_answer(_response(200, body))
    assert caught.value.retry_after_seconds == pytest.approx(1.79)


@pytest.mark.parametrize(("header", "seconds"), [("2.5", 2.5), ("nonsense", 2.0)])
def test_a_429_says_how_long_in_decimals(header: str, seconds: float):
    with pytest.raises(ShopifyRateLimitError) as caught:
        read_answer(httpx.Response(429, headers={"Retry-After": header}))
    assert caught.value.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (_response(200, _error("INTERNAL_SERVER_ERROR")), ShopifyUnavailableError),
        (_response(200, _error("TIMEOUT")), ShopifyUnavailableError),
        (_response(200, _error("ACCESS_DENIED")), ShopifyRequestError),
        (_response(200, _error("MAX_COST_EXCEEDED")), ShopifyRequestError),
        (_response(200, _error("undefinedField")), ShopifyRequestError),
        (_response(200, _error(None)), ShopifyRequestError),
        (_response(200, {"errors": "Not Found"}), ShopifyRequestError),
        (_response(200, {"data": None}), ShopifyUnavailableError),
        (_response(200, []), ShopifyUnavailableError),
        (httpx.Response(200, content=b"<html>"), ShopifyUnavailableError),
        (_response(503, {}), ShopifyUnavailableError),
        (_response(401, {}), ReconnectRequiredError),
        (_response(402, {}), ShopifyRequestError),
        (_response(403, {}), ShopifyRequestError),
        (_response(404, {}), ShopifyRequestError),
        (_response(423, {}), ShopifyRequestError),
        (_response(400, {}), ShopifyRequestError),
    ],
)
def test_an_answer_that_is_none_is_the_error_it_means(
    response: httpx.Response, kind: type[PlatformError]
):
    with pytest.raises(PlatformError) as caught:
        read_answer(response)
    assert type(caught.value) is kind


def test_a_denied_scope_is_named_to_the_merchant():
    text = "Access denied for orders field. Required access: `read_orders` access scope."
    with pytest.raises(ShopifyRequestError) as caught:
        read_answer(_response(200, _error("ACCESS_DENIED", text)))
    assert "read_orders" in caught.value.message


def test_data_beside_errors_are_not_taken_for_an_answer():
    with pytest.raises(ShopifyRequestError):
        read_answer(_response(200, {**_error("ACCESS_DENIED"), "data": {"orders": None}}))
