"""The whole product, started as an operator would, and a real browser in front of it."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright

SHOP = "fernwood.myshopify.com"
OTHER_SHOP = "harbour-lane.myshopify.com"
PRIVATE_SHOP = "canary.myshopify.com"
PRIVATE_PERSON = "zyxw-of-the-backfill"
"""The only customer of `PRIVATE_SHOP`: their name and e-mail address are made of it."""
EMPTY_SHOP = "quiet-corner.myshopify.com"
SLOW_SHOP = "deep-water.myshopify.com"
LEAVING_SHOP = "last-orders.myshopify.com"
TENDED_SHOP = "tide-table.myshopify.com"
"""The only one whose settings a test changes."""
SOLD_SHOP = "old-harvest.myshopify.com"
"""The only one whose owner changes."""
GUARDED_SHOP = "lock-and-key.myshopify.com"
"""Of the user whose password and sessions are tested."""
ODD_SHOP = "yesteryear.myshopify.com"
"""Of three orders one has the date zero of spreadsheets, and one is of the year 2099."""
_DASHBOARD = Path(__file__).parents[2] / "services/gateway/dashboard"
_LIMITS = {"LOGIN_LIMIT_PER_MINUTE": "200", "RATE_LIMIT_PER_MINUTE": "5000"}
"""The tests are one address and a few users, who sign in far more often than people do."""
_START_SECONDS = 180
_STOP_SECONDS = 120
_CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, slots=True)
class Running:
    """A running system: what `up` said of itself, and where it keeps its data."""

    ready: dict[str, Any]
    data_dir: Path

    @property
    def gateway(self) -> str:
        return str(self.ready["gateway"])

    def control(self, path: str) -> str:
        return f"{self.ready['simulator']}/_control/{path}"

    def get_paths(self) -> set[str]:
        """The paths a signed-in browser may GET, as the contract lists them."""
        paths = json.loads((_DASHBOARD / "openapi.json").read_text())["paths"]
        return {path for path in paths if "get" in paths[path] and "/shopify/" not in path}

    def truth(self, shop: str, **dates: str) -> dict[str, Any]:
        answer = httpx.get(self.control(f"shops/{shop}/truth"), params=dates, timeout=30)
        answer.raise_for_status()
        return dict(answer.json())


def _write_shop(path: Path, *, orders: int, seed: int) -> Path:
    """Order lines of 120 days, with guests, several lines an order and odd characters."""
    chance = random.Random(seed)
    start = datetime(2026, 3, 1, 9, 30)
    titles = ["Müller mug", "田中 tea, green", 'The "big" one', "A & B / C", "Ordinary"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "order_id",
                "ordered_at",
                "customer_id",
                "product_id",
                "product_title",
                "quantity",
                "unit_price",
            ]
        )
        for number in range(orders):
            at = (start + timedelta(minutes=number * 120 * 24 * 60 // orders)).isoformat()
            customer = "" if chance.random() < 0.1 else f"C{chance.randrange(orders // 4 or 1):04}"
            for _ in range(chance.randint(1, 4)):
                product = chance.randrange(len(titles))
                price = f"{chance.randint(100, 9_999) / 100:.2f}"
                row = [f"A{number}", at, customer, f"P{product}B", titles[product]]
                writer.writerow([*row, chance.randint(1, 5), price])
    return path


def _write_private_shop(path: Path) -> Path:
    path.write_text(
        "order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price\n"
        f"1,2026-03-01T10:00:00,{PRIVATE_PERSON},P1,Mug,2,9.99\n"
    )
    return path


def _write_odd_shop(path: Path) -> Path:
    path.write_text(
        "order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price\n"
        "Z1,1899-12-30T00:00:00,A,P1,Blue mug,1,5.00\n"
        "Z2,2026-03-20T12:00:00,A,P1,Blue mug,1,20.00\n"
        "Z3,2099-11-02T12:00:00,B,P1,Blue mug,2,20.00\n"
    )
    return path


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("e2e")
    shop = _write_shop(folder / "fernwood.csv", orders=400, seed=1)
    other = _write_shop(folder / "harbour.csv", orders=60, seed=2)
    private = _write_private_shop(folder / "canary.csv")
    empty = _write_shop(folder / "quiet.csv", orders=1, seed=3)
    slow = _write_shop(folder / "deep.csv", orders=40, seed=4)
    leaving = _write_shop(folder / "last.csv", orders=20, seed=5)
    tended = _write_shop(folder / "tide.csv", orders=10, seed=6)
    sold = _write_shop(folder / "harvest.csv", orders=12, seed=7)
    guarded = _write_shop(folder / "lock.csv", orders=10, seed=7)
    odd = _write_odd_shop(folder / "odd.csv")
    data_dir = folder / "data"
    command = [
        *(str(Path(sys.executable).with_name("tillstream")), "up", "--with-simulator", "--json"),
        *("--shop", f"{SHOP}={shop},currency=GBP,zone=Europe/London"),
        *("--shop", f"{OTHER_SHOP}={other}"),
        *("--shop", f"{PRIVATE_SHOP}={private}"),
        *("--shop", f"{EMPTY_SHOP}={empty}"),
        *("--shop", f"{SLOW_SHOP}={slow}"),
        *("--shop", f"{LEAVING_SHOP}={leaving}"),
        *("--shop", f"{TENDED_SHOP}={tended}"),
        *("--shop", f"{SOLD_SHOP}={sold}"),
        *("--shop", f"{GUARDED_SHOP}={guarded}"),
        *("--shop", f"{ODD_SHOP}={odd}"),
        *("--data-dir", str(data_dir), "--port", "0"),
    ]
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | _LIMITS,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            line = process.stdout.readline()
            assert line, (folder / "up.log").read_text()[-4000:]
            yield Running(json.loads(line), data_dir)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_SECONDS)
            process.stdout.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    assert executable, "Chromium is not installed: run `make setup`, or install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=_CHROMIUM_FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    yield context
    await context.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Kept after the run, for a person to look at."""
    folder = Path(os.environ.get("SCREENSHOTS", ".cache/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
