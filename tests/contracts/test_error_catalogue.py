"""The catalogue of errors says what callers get, and every code of it is got by some test."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import APIRouter

from libs.common.errors import PlatformError, TransientError
from libs.common.web.app import create_web_app
from libs.common.web.errors import STATUS_BY_CODE
from tests.keeper import ROOT

ROW = re.compile(r"^\| `([A-Z_]+)` \| (\d{3}) \| (yes|no) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS = {
    code: (int(status), retry == "yes")
    for code, status, retry, *_ in ROW.findall((ROOT / "docs/errors.md").read_text())
}
INSIDE = {
    "BROKER_UNAVAILABLE",
    "MESSAGE_MALFORMED",
    "SHOPIFY_CIRCUIT_OPEN",
    "SHOPIFY_RATE_LIMIT",
}
"""Tested as exceptions where they arise: in consumers and pulls, which nobody calls by HTTP."""


def _classes(kind: type[PlatformError]) -> Iterator[type[PlatformError]]:
    if kind.__module__ == "libs.common.errors":
        yield kind
        for child in kind.__subclasses__():
            yield from _classes(child)


CLASSES = {kind.code: kind for kind in _classes(PlatformError) if kind.code in STATUS_BY_CODE}
RAISED = sorted(set(CLASSES) - {"INTERNAL_SERVER_ERROR"})


def test_the_table_lists_every_code_with_its_status_in_order():
    assert {code: status for code, (status, _) in ROWS.items()} == STATUS_BY_CODE
    assert list(ROWS) == sorted(ROWS)


@pytest.fixture(scope="module")
def app():
    router = APIRouter()

    @router.get("/{code}")
    async def fail(code: str) -> None:
        raise CLASSES[code]("What a person reads.", reason="what only the log shows")

    return create_web_app("test", [router], ready_checks={})


@pytest.mark.parametrize("code", RAISED)
async def test_an_error_is_answered_as_the_table_says(app, code: str):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.get(f"/{code}")

    status, retryable = ROWS[code]
    assert answer.status_code == status
    assert answer.json()["error"] == {
        "code": code,
        "message": "What a person reads.",
        "details": None,
        "retryable": retryable,
    }
    assert ("Retry-After" in answer.headers) is retryable
    assert retryable is issubclass(CLASSES[code], TransientError)


@pytest.mark.parametrize("code", sorted(set(STATUS_BY_CODE) - INSIDE))
def test_some_test_of_a_request_gets_the_code(code: str):
    tests = [*(ROOT / "tests/integration").rglob("*.py"), ROOT / "tests/unit/test_web.py"]
    assert any(f'"{code}"' in path.read_text() for path in tests)


@pytest.mark.parametrize("code", sorted(INSIDE))
def test_some_test_of_what_is_inside_meets_the_error(code: str):
    name = CLASSES[code].__name__
    paths = (ROOT / "tests").rglob("test_*.py")
    assert any(name in path.read_text() for path in paths if path.name != "test_error_catalogue.py")
