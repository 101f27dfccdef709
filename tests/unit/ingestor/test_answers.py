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
from services.ingestor.shopify.answers import Answer, read_answer, read_body, read_cost
from services.ingestor.shopify.refusals import ErrorCode, Group, group_of_status
from services.ingestor.shopify.throttle import Cost


def _read(response: httpx.Response) -> Answer:
    return read_answer(response, read_body(response))


def _response(status: int, body: Any, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body), headers=headers)


def _error(code: str | None, message: str = "No.") -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}], "data": None}


def test_data_come_with_the_time_on_shopifys_clock():
    answer = _read(_response(200, {"data": {"shop": {}}}, Date="Tue, 24 Nov 2026 01:02:03 GMT"))
    assert answer.data == {"shop": {}}
    assert answer.observed_at.isoformat() == "2026-11-24T01:02:03+00:00"


def test_throttling_says_how_long_the_missing_points_take():
    throttle = {"maximumAvailable": 2000.0, "currentlyAvailable": 120, "restoreRate": 100.0}
    cost = {"requestedQueryCost": 299, "actualQueryCost": None, "throttleStatus": throttle}
    body = {**_error("THROTTLED"), "extensions": {"cost": cost}}
    with pytest.raises(ShopifyRateLimitError) as caught:
        _read(_response(200, body))
    assert caught.value.retry_after_seconds == pytest.approx(1.79)


@pytest.mark.parametrize(("header", "seconds"), [("2.5", 2.5), ("nonsense", 2.0)])
def test_a_429_says_how_long_in_decimals(header: str, seconds: float):
    with pytest.raises(ShopifyRateLimitError) as caught:
        _read(httpx.Response(429, headers={"Retry-After": header}))
    assert caught.value.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (_response(200, _error("INTERNAL_SERVER_ERROR")), ShopifyUnavailableError),
        (_response(200, _error("TIMEOUT")), ShopifyUnavailableError),
        (_response(200, _error("ACCESS_DENIED")), ShopifyRequestError),
        (_response(200, _error("SHOP_INACTIVE")), ShopifyRequestError),
        (_response(200, _error("MAX_COST_EXCEEDED")), ShopifyRequestError),
        (_response(200, _error("undefinedField")), ShopifyRequestError),
        (_response(200, _error(None)), ShopifyRequestError),
        (_response(200, {"errors": "Not Found"}), ShopifyRequestError),
        (_response(200, {"data": None}), ShopifyUnavailableError),
        (_response(200, []), ShopifyUnavailableError),
        (httpx.Response(200, content=b"<html>"), ShopifyUnavailableError),
        (_response(200, {"errors": {"a": "map"}}), ShopifyRequestError),
        (_response(200, {"errors": [{"extensions": None}]}), ShopifyRequestError),
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
        _read(response)
    assert type(caught.value) is kind


def test_a_denied_scope_is_named_to_the_merchant():
    text = "Access denied for orders field. Required access: `read_orders` access scope."
    with pytest.raises(ShopifyRequestError) as caught:
        _read(_response(200, _error("ACCESS_DENIED", text)))
    assert "read_orders" in caught.value.message


@pytest.mark.parametrize("data", [{"orders": None}, {"orders": {"nodes": []}}])
def test_data_beside_errors_are_not_taken_for_an_answer(data: Any):
    with pytest.raises(ShopifyRequestError):
        _read(_response(200, {**_error("ACCESS_DENIED"), "data": data}))


def _protected(field: str, **extensions: str) -> dict[str, Any]:
    return {
        "message": f"This app is not approved to use the {field} field.",
        "path": ["customers", "nodes", 0, field],
        "extensions": {"code": "ACCESS_DENIED", **extensions},
    }


def test_fields_that_shopify_keeps_from_us_are_named_and_the_rest_is_an_answer():
    errors = [_protected("lastName"), _protected("firstName"), _protected("lastName")]
    data = {"customers": {"nodes": [{"id": "1", "firstName": None, "lastName": None}]}}
    answer = _read(_response(200, {"data": data, "errors": errors}))
    assert (answer.data, answer.denied) == (data, ("firstName", "lastName"))


@pytest.mark.parametrize(
    "errors",
    [
        [_protected("firstName", requiredAccess="`read_customers` access scope.")],
        [_protected("firstName"), {"message": "No.", "path": ["customers", "nodes"]}],
        [{**_protected("firstName"), "path": ["customers"]}],
        [{**_protected("firstName"), "path": None}],
        ["a text"],
    ],
)
def test_a_missing_scope_or_any_other_error_beside_the_data_is_a_refusal(errors: list[Any]):
    with pytest.raises(ShopifyRequestError):
        _read(_response(200, {"data": {"customers": {"nodes": []}}, "errors": errors}))


def test_of_several_errors_the_one_that_can_pass_decides():
    errors = [*_error("ACCESS_DENIED")["errors"], *_error("INTERNAL_SERVER_ERROR")["errors"]]
    with pytest.raises(ShopifyUnavailableError):
        _read(_response(200, {"errors": errors}))
    with pytest.raises(ShopifyRateLimitError):
        _read(_response(200, {"errors": [*errors, *_error("THROTTLED")["errors"]]}))


def test_every_code_has_its_group():
    grouped = {code.value: code.group.name for code in ErrorCode}
    assert grouped == {
        "THROTTLED": "THROTTLED",
        "INTERNAL_SERVER_ERROR": "RETRYABLE",
        "TIMEOUT": "RETRYABLE",
        "ACCESS_DENIED": "TERMINAL",
        "SHOP_INACTIVE": "TERMINAL",
        "MAX_COST_EXCEEDED": "TERMINAL",
        "OTHER": "TERMINAL",
    }


@pytest.mark.parametrize(
    ("group", "statuses"),
    [
        (Group.THROTTLED, (429,)),
        (Group.RETRYABLE, (408, 500, 502, 503, 504)),
        (Group.TOKEN, (401,)),
        (Group.TERMINAL, (301, 400, 402, 403, 404, 422, 423, 430)),
    ],
)
def test_every_status_has_its_group(group: Group, statuses: tuple[int, ...]):
    assert {group_of_status(status) for status in statuses} == {group}


def test_a_failure_tells_when_shopify_wants_to_be_asked_again():
    with pytest.raises(ShopifyUnavailableError) as caught:
        _read(httpx.Response(503, headers={"Retry-After": "2.0"}))
    assert caught.value.retry_after_seconds == 2.0


@pytest.mark.parametrize(
    "status",
    [
        None,
        {"currentlyAvailable": 1},
        {"maximumAvailable": 2000.0, "currentlyAvailable": 120, "restoreRate": 0},
        {"maximumAvailable": "a lot", "currentlyAvailable": 120, "restoreRate": 100.0},
    ],
)
def test_a_cost_that_cannot_be_is_none(status: Any):
    body = {"extensions": {"cost": {"requestedQueryCost": 9, "throttleStatus": status}}}
    assert read_cost(body) is None
    assert read_cost({"extensions": None}) is None


def test_a_cost_is_read_from_answers_and_refusals_alike():
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": 120, "restoreRate": 100.0}
    body = {"extensions": {"cost": {"requestedQueryCost": 9, "throttleStatus": status}}}
    assert read_cost(body) == Cost(requested=9, available=120, maximum=2000, restore_rate=100)
