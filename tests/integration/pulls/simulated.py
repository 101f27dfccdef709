"""A simulator in a process of its own, and shops in it that our app is installed on."""

import asyncio
import csv
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx

from libs.common.clock import utc_now
from services.ingestor.shopify.tokens import AccessToken
from services.ingestor.shopify.transport import AdminApi

ROOT = Path(__file__).resolve().parents[3]
KEY, SECRET = "a-key", "a-secret-that-only-tests-know"
SCOPES = "read_orders,read_all_orders,read_customers,read_products"
COLUMNS = (
    "order_id",
    "ordered_at",
    "customer_id",
    "product_id",
    "product_title",
    "quantity",
    "unit_price",
)


def write_shop(path: Path, *, orders: int, lines: int = 3) -> Path:
    """A file of `orders` with 1 to `lines` lines each, spread over two years; some guests."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(orders):
            day = f"{2024 + number % 2}-{1 + number % 12:02}-{1 + number % 28:02}T10:00:00"
            customer = "" if number % 10 == 9 else f"C{number % max(1, orders // 3)}"
            for line in range(1 + number % lines):
                product = (number * 7 + line) % 40
                price = f"{1 + product}.{(number * 13 + line) % 1000:03}"
                title = f'Tee "{product}" / Müller 田中'
                row = [f"A{number}", day, customer, f"P{product}", title, 1 + line % 4, price]
                writer.writerow(row)
    return path


@dataclass(frozen=True, slots=True)
class Simulator:
    url: str
    pid: int

    @property
    def api(self) -> AdminApi:
        return AdminApi(f"{self.url}/{{shop}}", "2026-10")

    async def install(self, shop: str, *, scopes: str = SCOPES) -> AccessToken:
        """Walk the authorization code flow as the oauth service does."""
        async with httpx.AsyncClient(
            base_url=f"{self.url}/{shop}", trust_env=False, timeout=60
        ) as http:
            query = {
                "client_id": KEY,
                "scope": scopes,
                "redirect_uri": "http://127.0.0.1/back",
                "state": "s",
            }
            answer = await http.get("/admin/oauth/authorize", params=query)
            [code] = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
            form = {"client_id": KEY, "client_secret": SECRET, "code": code, "expiring": "1"}
            pair = (await http.post("/admin/oauth/access_token", data=form)).json()
        expires_at = utc_now() + timedelta(seconds=pair["expires_in"])
        return AccessToken(pair["access_token"], shop, expires_at, tuple(scopes.split(",")))

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The control API, below `/_control`."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60) as http:
            answer = await http.request(method, f"/_control/{path}", json=body)
            answer.raise_for_status()
            return answer.json() if answer.content else None

    async def admin(self, token: AccessToken, document: str, **given: Any) -> Any:
        """What the shop answers to whoever else has the token."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            answer = await http.post(
                self.api.address(token.shop_domain, "graphql.json"),
                json={"query": document, "variables": given},
                headers={"X-Shopify-Access-Token": token.access_token},
            )
        return answer.json()["data"]

    async def truth(self, shop: str) -> Any:
        """With every day of the shop's history."""
        return await self.ask("GET", f"shops/{shop}/truth?from=")

    async def faults(self, shop: str, **faults: Any) -> None:
        await self.ask("POST", f"shops/{shop}/faults", faults)


class InstalledShops:
    """A token source without the oauth service: tenants and the tokens of their shops."""

    def __init__(self) -> None:
        self.by_tenant: dict[UUID, AccessToken] = {}
        self.asked = 0

    async def __call__(self, tenant_id: UUID, _refused: object = None) -> AccessToken:
        self.asked += 1
        return self.by_tenant[tenant_id]


@asynccontextmanager
async def simulator(folder: Path, *arguments: str) -> AsyncIterator[Simulator]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libs.simulator", "--port", "0", "--data-dir", str(folder)),
        *("--api-key", KEY, "--api-secret", SECRET, *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        yield Simulator(f"http://127.0.0.1:{ready['port']}", process.pid)
    finally:
        process.terminate()
        await process.wait()
