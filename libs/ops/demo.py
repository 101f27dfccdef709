"""`tillstream demo`: the demo shop from "connect" to true figures, shown side by side."""

import asyncio
import os
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

SHOP = "cdnow.myshopify.com"
USER = "demo"
_JANUARY = ("1997-01-01", "1997-01-31")
_LIVE_ORDER_SECONDS = 30
_LIVE_ORDER = {"lines": [{"title": "Live order", "quantity": 2, "price": "19.99"}]}


@dataclass(frozen=True, slots=True)
class DemoOptions:
    data_dir: Path
    check: bool = False
    port: int | None = None


async def demo(options: DemoOptions, people: Console) -> None:
    """Until Ctrl-C; with `check` until one live order was seen.

    Raises OperationError when a figure on the dashboard is not the shop's own.
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
    password = make_secrets(options.data_dir)["demo_password"]
    async with (
        stopped_by_signals(lambda: up.pids),
        up.running() as state,
        Merchant(state.gateway) as merchant,
        _control(state) as control,
    ):
        await connect_as(merchant, SHOP, USER, password)
        await wait_for_history(merchant, people)
        _show(await settled_rows(control, merchant, _JANUARY), answers)
        if options.check:
            await _see_live_order(merchant, control, answers)
            return
        await control.start_traffic(1)
        answers.print(
            f"\nDashboard  {state.gateway}\nUser       {USER}\nPassword   {password}\n\n"
            "An order arrives every second. Ctrl-C stops everything.",
            markup=False,
        )
        await up.keep()


def _control(state: State) -> SimulatorControl:
    if state.simulator is None:
        raise OperationError("the simulator does not run")
    return SimulatorControl(state.simulator, SHOP)


def _show(rows: list[Row], answers: Console) -> None:
    table = Table("figure", "simulator's truth", "dashboard API", "")
    for row in rows:
        table.add_row(row.figure, row.truth, row.shown, "equal" if row.equal else "DIFFERENT")
    answers.print(table)
    if different := [row.figure for row in rows if not row.equal]:
        raise OperationError(f"the dashboard differs from the shop: {', '.join(different)}")


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
