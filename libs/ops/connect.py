"""`tillstream connect`: what a merchant does in a browser, over HTTP, and the wait after it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from libs.ops.errors import OperationError
from libs.ops.merchant import Merchant
from libs.ops.state import read_state

_POLL_SECONDS = 1.0
"""A user may ask the gateway 100 times a minute."""
_SILENT_SECONDS = 300
_FAILED = ("failed", "mismatch")


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """`gateway` is what runs on `data_dir` where none is given.

    `routes` says where origins are from here, as `RoutesFromHere` has it.
    """

    data_dir: Path
    shop: str
    user: str
    password: str
    gateway: str | None = None
    routes: Mapping[str, str] = field(default_factory=dict)


async def connect(options: ConnectOptions, people: Console) -> None:
    """Returns when the shop's history is here; raises OperationError with what went wrong."""
    gateway = options.gateway or read_state(options.data_dir).gateway
    async with Merchant(gateway, options.routes) as merchant:
        await connect_as(merchant, options.shop, options.user, options.password)
        people.print(f"{options.shop} is connected, reading its history", markup=False)
        await wait_for_history(merchant, people)


async def connect_as(merchant: Merchant, shop: str, user: str, password: str) -> None:
    await merchant.install(shop)
    await merchant.claim_or_sign_in(user, password)


async def wait_for_history(merchant: Merchant, people: Console) -> Mapping[str, Any]:
    """The finished pull. Gives up when nothing has moved for five minutes."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=people) as progress:
        bars: dict[str, TaskID] = {}
        last, still_since = "", asyncio.get_running_loop().time()
        while True:
            pull = (await merchant.get("/api/tenants/current"))["pull"]
            if pull:
                _show(progress, bars, pull["entities"])
                if pull["state"] == "succeeded":
                    return dict(pull)
                _refuse_failed(pull)
            now = asyncio.get_running_loop().time()
            if str(pull) != last:
                last, still_since = str(pull), now
            elif now - still_since > _SILENT_SECONDS:
                raise OperationError("the history has not moved for five minutes: see the logs")
            await asyncio.sleep(_POLL_SECONDS)


def _show(progress: Progress, bars: dict[str, TaskID], entities: list[dict[str, Any]]) -> None:
    for item in entities:
        name = str(item["entity"])
        if name not in bars:
            bars[name] = progress.add_task(name, total=None)
        total = item["expected"] if item["expected"] is not None else None
        if item["state"] == "done":
            total = item["done"]
        progress.update(bars[name], completed=item["done"], total=total)


def _refuse_failed(pull: Mapping[str, Any]) -> None:
    if pull["state"] in _FAILED:
        errors = "".join(f"\n  {item['code']}: {item['message']}" for item in pull["errors"])
        raise OperationError(f"reading the history ended as {pull['state']}{errors}")
