"""Reads an answer of the Admin GraphQL API: data, what they cost, or the error that it means.

Status 200 says nothing: `errors` decides. Data beside errors are no answer, with one exception:
where Shopify keeps single fields from us, those are null, and `denied` names them.
"""

import math
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar

import httpx
import msgspec

from libs.common.clock import utc_now
from libs.common.errors import ShopifyUnavailableError
from services.ingestor.json_text import has_nul, plain
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.refusals import denied_fields, error_of_codes, error_of_status
from services.ingestor.shopify.throttle import Cost

_Shape = TypeVar("_Shape")


class Answer(NamedTuple):
    """`observed_at` is Shopify's clock when it answered."""

    data: dict[str, Any]
    observed_at: datetime
    served_version: str | None
    denied: tuple[str, ...] = ()


def read_body(response: httpx.Response) -> dict[str, Any]:
    """The object in a good answer. Raises the error that its status means."""
    if response.status_code != httpx.codes.OK:
        raise error_of_status(response)
    try:
        body = _decoded(response.content)
    except msgspec.DecodeError as error:
        raise ShopifyUnavailableError("Shopify's answer is not JSON.") from error
    if not isinstance(body, dict):
        raise ShopifyUnavailableError("Shopify's answer is no object.")
    return body


def _decoded(content: bytes) -> Any:
    if not has_nul(content):
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    return msgspec.json.decode(plain(content))


def read_cost(body: dict[str, Any]) -> Cost | None:
    """Answers and refusals both tell it; None where it is not whole."""
    try:
        cost = body["extensions"]["cost"]
        status = cost["throttleStatus"]
        found = Cost(
            float(cost["requestedQueryCost"]),
            float(status["currentlyAvailable"]),
            float(status["maximumAvailable"]),
            float(status["restoreRate"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
    return found if all(map(math.isfinite, found)) and found.restore_rate > 0 else None


def read_answer(response: httpx.Response, body: dict[str, Any]) -> Answer:
    """Raises ShopifyRateLimitError, ShopifyUnavailableError or ShopifyRequestError."""
    data, denied = body.get("data"), None
    if errors := body.get("errors"):
        denied = denied_fields(errors) if isinstance(data, dict) else None
        if denied is None:
            cost = read_cost(body)
            raise error_of_codes(errors, cost.seconds_missing if cost else None)
    if not isinstance(data, dict):
        raise ShopifyUnavailableError("Shopify's answer has no data.")
    return Answer(data, observed_at(response), served_version(response), tuple(denied or ()))


def converted(data: Any, kind: type[_Shape]) -> _Shape:
    """`data` in the shape that Shopify's schema promises. Raises AnswerUnreadableError."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise AnswerUnreadableError("Shopify's answer has an unknown shape.") from error


def observed_at(response: httpx.Response) -> datetime:
    try:
        return parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return utc_now()


def served_version(response: httpx.Response) -> str | None:
    version: str | None = response.headers.get("X-Shopify-API-Version")
    return version
