"""`tillstream demo`: the demo shops from "connect" to true figures, shown side by side."""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from libs.ops.connect import connect_as, wait_for_history
from libs.ops.errors import OperationError
from libs.ops.merchant import Merchant
from libs.ops.programs import make_secrets
from libs.ops.state import State
from libs.ops.truth import Row, SimulatorControl, settled_rows
from libs.ops.up import CDNOW, Up, UpOptions, stopped_by_signals

_LIVE_ORDER_SECONDS = 30
_LIVE_ORDER = {"lines": [{"title": "Live order", "quantity": 2, "price": "19.99"}]}


@dataclass(frozen=True, slots=True)
class DemoShop:
    """A shop, its owner, the name of the owner's secret, and a month to compare."""

    domain: str
    user: str
    secret: str
    month: tuple[str, str]


SHOPS = (
    DemoShop("cdnow.myshopify.com", "demo", "demo_password", ("1997-01-01", "1997-01-31")),
    DemoShop(
        "bluebird-supply.myshopify.com",
        "bluebird",
        "bluebird_password",
        ("2026-10-01", "2026-10-31"),
    ),
)


@dataclass(frozen=True, slots=True)
class Side:
    """A demo shop from both sides."""

    shop: DemoShop
    merchant: Merchant
    control: SimulatorControl


@dataclass(frozen=True, slots=True)
class DemoOptions:
    data_dir: Path
    check: bool = False
    port: int | None = None


async def demo(options: DemoOptions, people: Console) -> None:
    """Until Ctrl-C; with `check` until one live order was seen.

    Raises OperationError when a figure on a shop's dashboard is not the shop's own.
    """
    if not CDNOW.exists():
        raise OperationError(f"the demo shop's data are missing ({CDNOW}): run `make setup`")
    # Only what the demo makes itself: no DATABASE_URL, no real shop's credentials.
    environment = {name: os.environ[name] for name in ("LOG_LEVEL",) if name in os.environ}
    up = Up(
        UpOptions(options.data_dir, environment, with_simulator=True, port=options.port),
        lambda line: people.print(line, markup=False),
    )
    answers = Console(highlight=False)
    passwords = make_secrets(options.data_dir)
    async with (
        stopped_by_signals(lambda: up.pids),
        up.running() as state,
        AsyncExitStack() as stack,
    ):
        sides = [await _side(shop, state, stack) for shop in SHOPS]
        for side in sides:
            shop = side.shop
            await connect_as(side.merchant, shop.domain, shop.user, passwords[shop.secret])
        for side in sides:
            people.print(f"reading the history of {side.shop.domain}", markup=False)
            await wait_for_history(side.merchant, people)
        await _compare(sides, answers)
        if options.check:
            await _see_live_order(sides[0].merchant, sides[0].control, answers)
            return
        answers.print(f"\nDashboard  {state.gateway}", markup=False)
        for side in sides:
            await side.control.start_traffic(1)
            user, password = side.shop.user, passwords[side.shop.secret]
            answers.print(f"{side.shop.domain}: user {user}, password {password}", markup=False)
        answers.print("\nEach shop gets an order every second. Ctrl-C stops everything.")
        await up.keep()


async def _side(shop: DemoShop, state: State, stack: AsyncExitStack) -> Side:
    if state.simulator is None:
        raise OperationError("the simulator does not run")
    merchant = await stack.enter_async_context(Merchant(state.gateway))
    control = await stack.enter_async_context(SimulatorControl(state.simulator, shop.domain))
    return Side(shop, merchant, control)


async def _compare(sides: list[Side], answers: Console) -> None:
    """A table for each shop; then raises OperationError when any figure differs."""
    different = []
    for side in sides:
        domain = side.shop.domain
        rows = await settled_rows(side.control, side.merchant, side.shop.month)
        _show(domain, rows, answers)
        different += [f"{row.figure} of {domain}" for row in rows if not row.equal]
    if different:
        raise OperationError(f"the dashboard differs from the shop: {', '.join(different)}")


def _show(domain: str, rows: list[Row], answers: Console) -> None:
    table = Table("figure", "simulator's truth", "dashboard API", "", title=domain)
    for row in rows:
        table.add_row(row.figure, row.truth, row.shown, "equal" if row.equal else "DIFFERENT")
    answers.print(table)


async def _see_live_order(merchant: Merchant, control: SimulatorControl, answers: Console) -> None:
    """One new order at the shop must reach the open page with the shop's new totals."""
    clock = asyncio.get_running_loop().time
    async with merchant.live() as events:
        await control.create_order(_LIVE_ORDER)
        created = clock()
        truth = await control.truth()
        wanted = (int(truth["orders"]), Decimal(truth["revenue"]))
        seen = (0, Decimal(0))
        try:
            async with asyncio.timeout(_LIVE_ORDER_SECONDS):
                async for name, data in events:
                    if name == "summary":
                        seen = (int(data["totalOrders"]), Decimal(data["totalRevenue"]))
                        if seen == wanted:
                            break
        except TimeoutError:
            raise OperationError(
                f"the live order was not seen: {wanted} wanted, {seen} shown"
            ) from None
    answers.print(f"a live order was seen through /api/live after {clock() - created:.2f} s")
