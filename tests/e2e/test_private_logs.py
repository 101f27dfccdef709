"""No secret and no personal datum is in any log, whatever happens to it in a run."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from rich.console import Console

from libs.ops.connect import connect_as, wait_for_history
from libs.ops.merchant import Merchant, RefusedError
from libs.ops.state import read_state
from tests.e2e.conftest import PRIVATE_PERSON, PRIVATE_SHOP, Running
from tests.factories import webhook_signature

pytestmark = pytest.mark.system

USER = "keeper-of-canaries"
MARK = "zyxw"
"""Every personal datum of this test holds it, and nothing else does."""
PASSWORD = f"{MARK} a password of many words"
ORDER = {
    "lines": [{"title": "Mug", "quantity": 1, "price": "3.21"}],
    "customer": {
        "firstName": f"{MARK}-first",
        "lastName": f"{MARK}-last",
        "email": f"{MARK}-mail@example.com",
        "note": f"{MARK}-note",
    },
}
# Not JSON, not an order, an order whose parts are wrong: each becomes a dead letter.
UNREADABLE = (
    f"{{{MARK}-raw {MARK}-raw@example.com}}".encode(),
    json.dumps({"id": f"{MARK}-id", "email": f"{MARK}@example.com", "note": f"{MARK}-n"}).encode(),
    json.dumps(
        {
            "id": 77,
            "admin_graphql_api_id": "gid://shopify/Order/77",
            "created_at": f"{MARK}-yesterday",
            "customer": {"id": "x", "first_name": f"{MARK}-f", "email": f"{MARK}-e@example.com"},
            "line_items": f"{MARK}-lines",
        }
    ).encode(),
)
PUBLIC = {"shopify_api_key"}
SECONDS = 60


def _signed(body: bytes, secret: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Hmac-Sha256": webhook_signature(body, secret),
        "X-Shopify-Shop-Domain": PRIVATE_SHOP,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": str(uuid4()),
        "X-Shopify-Triggered-At": "2026-11-20T16:15:47Z",
    }


async def _deliver(running: Running) -> None:
    """A good order, bodies that nobody can read, and one with a wrong signature."""
    secret = str(read_state(running.data_dir).shopify_api_secret)
    async with httpx.AsyncClient(timeout=30) as http:
        made = await http.post(running.control(f"shops/{PRIVATE_SHOP}/orders"), json=ORDER)
        made.raise_for_status()
        refund = {"note": f"{MARK}-refund", "amount": "1.00"}
        order = f"shops/{PRIVATE_SHOP}/orders/{made.json()['id']}"
        (await http.post(running.control(f"{order}/refund"), json=refund)).raise_for_status()
        address = f"{running.ready['webhooks']}/webhooks/orders/create"
        for body in UNREADABLE:
            answer = await http.post(address, content=body, headers=_signed(body, secret))
            assert answer.status_code == 200, answer.text
        forged = await http.post(address, content=UNREADABLE[0], headers=_signed(b"", "wrong"))
        assert forged.status_code == 401
        callback = {"shop": PRIVATE_SHOP, "code": f"{MARK}-code", "hmac": f"{MARK}-hmac"}
        await http.get(f"{running.gateway}/api/shopify/callback", params=callback)


async def _until_applied(merchant: Merchant, running: Running) -> None:
    truth = running.truth(PRIVATE_SHOP)
    wanted = (int(truth["orders"]), Decimal(truth["revenue"]))
    async with asyncio.timeout(SECONDS):
        while True:
            summary = await merchant.get("/api/analytics/summary")
            if (int(summary["totalOrders"]), Decimal(summary["totalRevenue"])) == wanted:
                return
            await asyncio.sleep(0.3)


async def _until_set_aside(logs: Path) -> None:
    """Until the log of the deliveries tells of every letter that nobody can read."""
    async with asyncio.timeout(SECONDS):
        while (logs / "ingestor-deliveries.log").read_text().count("dead_lettered") < len(
            UNREADABLE
        ):
            await asyncio.sleep(0.3)


async def _live(running: Running) -> list[str]:
    """Connects, reads the history, takes deliveries, signs in; the tokens a browser was given."""
    async with Merchant(running.gateway) as merchant:
        await merchant.install(PRIVATE_SHOP)
        tokens = set(merchant.cookies.values())
        await merchant.claim_or_sign_in(USER, PASSWORD)
        await wait_for_history(merchant, Console(quiet=True))
        await _deliver(running)
        await _until_applied(merchant, running)
        tokens |= set(merchant.cookies.values())
    async with Merchant(running.gateway) as merchant:
        with pytest.raises(RefusedError):
            await merchant.sign_in(USER, f"{MARK} a wrong password")
        await merchant.sign_in(USER, PASSWORD)
        tokens |= set(merchant.cookies.values())
    return sorted(tokens)


def _stored_secrets(folder: Path) -> Iterator[str]:
    """All that the data folder keeps for the services, and the tokens the shop gave out."""
    for path in (folder / "secrets.json", *folder.rglob("passwords.json")):
        for name, value in json.loads(path.read_text()).items():
            if name not in PUBLIC:
                yield value.removeprefix("k1:")
    journal = (folder / "simulator/journal.jsonl").read_text()
    tokens = set(re.findall(r"shp[a-z]+_[0-9a-f]+", journal))
    assert len(tokens) >= 2
    yield from tokens


async def test_a_whole_run_leaves_nothing_private_in_the_logs(running):
    cookies = await _live(running)
    logs = running.data_dir / "logs"
    await _until_set_aside(logs)
    texts = {path.name: path.read_text(errors="replace") for path in logs.rglob("*.log")}
    texts["up"] = (running.data_dir.parent / "up.log").read_text()
    assert PRIVATE_SHOP in texts["oauth.log"], "the logs do not tell of this run"
    assert "sign_in_refused" in texts["gateway.log"]
    assert PRIVATE_PERSON.startswith(MARK)
    secrets = [*cookies, *_stored_secrets(running.data_dir)]
    # The claim and two sessions.
    assert len(cookies) >= 3
    assert all(len(secret) >= 16 for secret in secrets)
    told = {
        (name, secret[:6]) for name, text in texts.items() for secret in secrets if secret in text
    }
    assert told == set()
    personal = {
        name: line for name, text in texts.items() for line in text.splitlines() if MARK in line
    }
    assert personal == {}


async def test_the_doctor_finds_nothing_but_dead_letters_and_an_order_comes_through(running):
    async with Merchant(running.gateway) as merchant:
        await connect_as(merchant, PRIVATE_SHOP, USER, PASSWORD)
        await wait_for_history(merchant, Console(quiet=True))
    done = await asyncio.to_thread(
        subprocess.run,
        [
            *(Path(sys.executable).with_name("tillstream"), "doctor", "--smoke", PRIVATE_SHOP),
            *("--user", USER, "--password-stdin", "--data-dir", running.data_dir),
        ],
        input=f"{PASSWORD}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    # Deliveries that nobody can read were sent to this run: only a person can decide about them.
    wrong = set(re.findall(r"^WRONG  ([^:]+):", done.stdout, re.MULTILINE))
    assert wrong <= {"dead letters"}, done.stdout + done.stderr
    assert done.returncode == (1 if wrong else 0)
    assert f"ok     smoke: an order of {PRIVATE_SHOP} came through" in done.stdout
