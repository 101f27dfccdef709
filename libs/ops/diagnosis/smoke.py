"""One order through a whole running system, from the shop's webhook to the dashboard."""

import asyncio
from decimal import Decimal
from pathlib import Path

from libs.ops.diagnosis.findings import Finding
from libs.ops.errors import OperationError
from libs.ops.merchant import Merchant
from libs.ops.state import read_state
from libs.ops.truth import SimulatorControl

_SECONDS = 30
_POLL_SECONDS = 0.5
_ORDER = {"lines": [{"title": "Smoke test", "quantity": 1, "price": "1.00"}]}
_LOST = "compare the logs of webhooks and ingestor-deliveries for this time"


async def smoke(data_dir: Path, shop: str, user: str, password: str) -> Finding:
    """Makes an order at a connected simulated shop and waits until the dashboard API counts it.

    Raises OperationError where no simulator runs, or the user may not sign in.
    """
    state = read_state(data_dir)
    if state.simulator is None:
        raise OperationError("--smoke makes an order at a simulated shop: start --with-simulator")
    async with Merchant(state.gateway) as merchant, SimulatorControl(state.simulator, shop) as at:
        await merchant.sign_in(user, password)
        before = await _figures(merchant)
        await at.create_order(_ORDER)
        for _ in range(int(_SECONDS / _POLL_SECONDS)):
            after = await _figures(merchant)
            if after[0] > before[0] and after[1] > before[1]:
                return Finding("smoke", f"an order of {shop} came through: {after[0]} orders")
            await asyncio.sleep(_POLL_SECONDS)
    return Finding("smoke", f"an order of {shop} was not seen in {_SECONDS} s", _LOST)


async def _figures(merchant: Merchant) -> tuple[int, Decimal]:
    summary = await merchant.get("/api/analytics/summary")
    return int(summary["totalOrders"]), Decimal(summary["totalRevenue"])
