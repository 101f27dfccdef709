"""A gateway over http on a loopback address, and the same one as it stands behind https."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.e2e.conftest import browser as browser_fixture
from tests.e2e.conftest import screenshots as screenshots_fixture
from tests.integration.gateway.platform import Platform, running_gateway, running_services


@pytest.fixture
def dashboard(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Tillstream</title>")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets/index-3f2a.js").write_text("export {}")
    (folder / "assets/index-3f2a.js.br").write_bytes(b"packed")
    (folder / ".secret").write_text("not to be served")
    (tmp_path / "outside.txt").write_text("not to be served")
    return folder


@pytest.fixture
async def platform(database: Database, dashboard: Path) -> AsyncIterator[Platform]:
    keys = CallerKeys()
    async with (
        running_services(database, keys) as upstreams,
        running_gateway(database, keys, dashboard, upstreams) as platform,
    ):
        yield platform


@pytest.fixture
async def https_platform(platform: Platform, dashboard: Path) -> AsyncIterator[Platform]:
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        PUBLIC_URL="https://till.example",
    ) as secure:
        yield secure


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock that counts are forgotten by."""
    real, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])

    def pass_time(seconds: float) -> None:
        ahead[0] += seconds

    return pass_time


@pytest.fixture
async def door(platform: Platform, dashboard: Path) -> AsyncIterator[Platform]:
    """A gateway that believes what a proxy says of the clients' addresses."""
    async with running_gateway(
        platform.database,
        platform.keys,
        dashboard,
        platform.upstreams,
        TRUSTED_PROXIES="127.0.0.0/8",
    ) as door:
        yield door


browser = browser_fixture
screenshots = screenshots_fixture
