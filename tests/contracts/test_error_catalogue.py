"""The catalogue of errors says what callers get and what ends a pull; some test gets every code."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from fastapi import APIRouter

from libs.common.errors import PlatformError, TransientError
from libs.common.web.app import create_web_app
from libs.common.web.errors import STATUS_BY_CODE
from services.ingestor.pulls.state import PullError
from tests.keeper import ROOT

ROW = re.compile(r"^\| `([A-Z_]+)` \| (\d{3}) \| (yes|no) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS = {
    code: (int(status), retry == "yes")
    for code, status, retry, *_ in ROW.findall((ROOT / "docs/errors.md").read_text())
}
INSIDE = {
    "BROKER_UNAVAILABLE",
    "MESSAGE_MALFORMED",
    "RECORD_REFUSED",
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


PULL_ROWS = re.findall(
    r"^\| `([A-Z_]+)` \| [^|]+ \| [^|]+ \|$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE
)
A_PULL_GOES_THROUGH = (
    "services/ingestor/pulls",
    "services/ingestor/shopify",
    "services/ingestor/store",
    "services/ingestor/kinds",
    "services/ingestor/entities",
    "services/oauth/tokens.py",
    "services/oauth/encryption.py",
    "libs/common/database/failures.py",
    "libs/common/database/transaction.py",
    "libs/common/identity.py",
    "libs/common/web/client.py",
)
ENDS_NO_PULL = {
    "PULL_HAS_NO_TURN",  # it waits for another worker, or for its turn
    "PULL_LEASE_LOST",  # another worker has the pull, or it has ended
    "PULL_RUNNING",  # who asks for a pull gets it
    "VALIDATION_FAILED",  # what was decoded: told as SHOPIFY_ANSWER_UNREADABLE
}


def _made(path: Path) -> Iterator[str]:
    """The codes of all errors that a module makes."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        kind = _meant(module, node.func)
        if kind is PullError:
            code = _meant(module, node.args[1])
            assert isinstance(code, str), f"{name}: which code is {ast.unparse(node)}?"
            yield code
        elif isinstance(kind, type) and issubclass(kind, PlatformError):
            yield kind.code


def _meant(module: ModuleType, node: ast.expr) -> object:
    """What the module's text means, as far as names of the module say it."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return getattr(module, name, None)
        case ast.Attribute(value=inner, attr=name):
            return getattr(_meant(module, inner), name, None)
        case _:
            return None


ENDS_A_PULL = {
    code
    for place in A_PULL_GOES_THROUGH
    for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    for code in _made(path)
}


def test_the_second_table_lists_every_code_a_pull_can_end_with_in_order():
    assert ENDS_A_PULL >= ENDS_NO_PULL
    assert sorted(ENDS_A_PULL - ENDS_NO_PULL) == PULL_ROWS


@pytest.mark.parametrize("code", sorted(set(PULL_ROWS) - set(STATUS_BY_CODE)))
def test_some_test_of_a_pull_is_told_the_code(code: str):
    tests = [*(ROOT / "tests/integration").rglob("*.py"), *(ROOT / "tests/unit").rglob("*.py")]
    assert any(f'"{code}"' in path.read_text() for path in tests)
