"""The simulator's control API, and its word on a shop against the dashboard's."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from libs.ops.errors import OperationError
from libs.ops.merchant import Merchant

_SETTLE_SECONDS = 30
_POLL_SECONDS = 2.0
_TOP = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, from both sides."""

    figure: str
    truth: str
    shown: str

    @property
    def equal(self) -> bool:
        return self.truth == self.shown


class SimulatorControl:
    """What the simulator lets a person do to one shop."""

    def __init__(self, simulator: str, shop: str) -> None:
        self._base = f"/_control/shops/{shop}"
        self._http = httpx.AsyncClient(base_url=simulator, timeout=60, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def truth(self, **period: str) -> Mapping[str, Any]:
        return dict(await self._send("GET", "/truth", params=period))

    async def create_order(self, order: Mapping[str, Any]) -> None:
        await self._send("POST", "/orders", json=dict(order))

    async def change_order(self, order: int, change: Mapping[str, Any]) -> None:
        await self._send("POST", f"/orders/{order}/change", json=dict(change))

    async def set_faults(self, **faults: Any) -> None:
        """These alone: what was set before is right again."""
        await self._send("POST", "/faults", json=faults)

    async def operations(self) -> list[Mapping[str, Any]]:
        """The bulk operations, oldest first."""
        return list((await self._send("GET", "/operations"))["operations"])

    async def points(self) -> Mapping[str, Any]:
        """The bucket of GraphQL: `capacity`, `perSecond`, `available` and `spent`."""
        return dict((await self._send("GET", "/limits"))["points"])

    async def start_traffic(self, per_second: float) -> None:
        await self._send("POST", "/traffic", json={"perSecond": per_second})

    async def _send(self, method: str, path: str, **arguments: Any) -> Any:
        answer = await self._http.request(method, self._base + path, **arguments)
        if answer.is_error:
            raise OperationError(
                f"the simulator refused {method} {path} ({answer.status_code}): {answer.text[:300]}"
            )
        return answer.json() if answer.content else None


async def settled_rows(
    control: SimulatorControl, merchant: Merchant, period: tuple[str, str]
) -> list[Row]:
    """The comparison once it is equal, or as it stands when it has not become so in 30 s."""
    deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
    while True:
        rows = await compare(control, merchant, period)
        if all(row.equal for row in rows) or asyncio.get_running_loop().time() > deadline:
            return rows
        await asyncio.sleep(_POLL_SECONDS)


async def compare(
    control: SimulatorControl, merchant: Merchant, period: tuple[str, str]
) -> list[Row]:
    since, until = period
    month = f"{date.fromisoformat(since):%B %Y}"
    truth = await control.truth(**{"from": since, "to": until})
    summary = await merchant.get("/api/analytics/summary")
    orders = await merchant.get("/api/analytics/orders", **{"from": since, "to": until})
    days = truth["days"]
    in_period = sum(int(day["orders"]) for day in days)
    revenue_in_period = sum((Decimal(day["revenue"]) for day in days), Decimal(0))
    return [
        Row("orders", str(truth["orders"]), str(summary["totalOrders"])),
        Row("customers", str(truth["customers"]), str(summary["totalCustomers"])),
        Row("revenue", _money(truth["revenue"]), _money(summary["totalRevenue"])),
        Row(f"orders, {month}", str(in_period), str(orders["totals"]["orderCount"])),
        Row(
            f"revenue, {month}",
            _money(revenue_in_period),
            _money(orders["totals"]["revenue"]),
        ),
        *_top_rows(truth["topCustomers"], summary["topCustomers"]),
    ]


def _top_rows(truth: list[Mapping[str, Any]], shown: list[Mapping[str, Any]]) -> list[Row]:
    expected = [f"{item['name']} {_money(item['revenue'])} ({item['orders']})" for item in truth]
    found = [
        f"{item['customerName']} {_money(item['totalRevenue'])} ({item['orderCount']})"
        for item in shown
    ]
    rows = []
    for place in range(min(_TOP, max(len(expected), len(found)))):
        sides = (side[place] if place < len(side) else "none" for side in (expected, found))
        rows.append(Row(f"top customer {place + 1}", *sides))
    return rows


def _money(amount: str | Decimal) -> str:
    return f"{Decimal(amount):.2f}"
