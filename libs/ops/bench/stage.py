"""A private copy of everything for one scenario, and what is done with the shops on it."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg
import httpx
from rich.console import Console

from libs.common.web.client import ServiceClient
from libs.ops import keyring
from libs.ops.bench.books import Pull, open_books
from libs.ops.connect import connect_as
from libs.ops.demo import SHOPS
from libs.ops.errors import OperationError
from libs.ops.merchant import Merchant
from libs.ops.operator import operator_client
from libs.ops.pulls import run_pull, set_paused
from libs.ops.truth import SimulatorControl
from libs.ops.up import ANY_PORT, Up, UpOptions

GENERATED = SHOPS[1].domain
LINES = 3
"""Of each order, in every shop."""

WORKER = "ingestor-pulls"
_SETTLE_SECONDS = 300
_FIRST_ORDER = datetime(2025, 1, 1)  # noqa: DTZ001 - a shop's local time
_YEAR = timedelta(days=365)
_HEADER = "order_id,ordered_at,customer_id,product_id,product_title,quantity,unit_price\n"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `copies` are those that were begun."""

    size: int
    kills: int
    people: Console
    copies: list[Up] = field(default_factory=list)

    def sized(self, size: int) -> "Options":
        return replace(self, size=size)

    def pids(self) -> dict[str, int]:
        """Of all that runs now."""
        return {name: pid for up in self.copies for name, pid in up.pids.items()}


class FileShop(NamedTuple):
    """A shop beside the generated one."""

    domain: str
    orders: int


@dataclass(frozen=True, slots=True)
class Stage:
    up: Up
    ingestor: ServiceClient

    @property
    def owner_url(self) -> str:
        return self.up.state.database_url

    @property
    def simulator(self) -> str:
        if self.up.state.simulator is None:
            raise OperationError("the simulator does not run")
        return self.up.state.simulator

    def control(self, shop: str) -> SimulatorControl:
        return SimulatorControl(self.simulator, shop)

    async def connect(self, shop: str) -> None:
        async with Merchant(self.up.state.gateway) as merchant:
            await connect_as(merchant, shop, shop.partition(".")[0], keyring.password())

    async def backfill(self, shop: str) -> Pull:
        """Connect the shop and wait until its history is in."""
        await self.connect(shop)
        async with open_books(self.owner_url, shop) as books:
            return await books.pull_after(None)

    async def pull_changes(self, shop: str) -> Pull:
        """What the schedule does, now."""

        async def make_due() -> None:
            await set_paused(self.ingestor, shop, paused=True)
            await set_paused(self.ingestor, shop, paused=False)

        return await self._pull(shop, make_due)

    async def pull_all(self, shop: str) -> Pull:
        return await self._pull(shop, lambda: run_pull(self.ingestor, shop, None, None))

    async def _pull(self, shop: str, ask: Callable[[], Awaitable[object]]) -> Pull:
        async with open_books(self.owner_url, shop) as books:
            before = await books.newest_pull()
            await ask()
            return await books.pull_after(before)

    async def change_orders(self, shop: str, count: int) -> None:
        """At the shop, and so that no webhook tells of it."""
        async with open_books(self.owner_url, shop) as books:
            orders = await books.some_orders(count)
        async with self.control(shop) as control:
            for order in orders:
                await control.change_order(order, {"discount": "0.01"})

    async def settle(self) -> None:
        """Have PostgreSQL do now what it would do at some time later: nothing else pays for it."""
        connection = await asyncpg.connect(self.owner_url, command_timeout=_SETTLE_SECONDS)
        try:
            await connection.execute("VACUUM ANALYZE")
        finally:
            await connection.close()

    async def set_clock(self, ahead: timedelta) -> None:
        """Shopify's alone."""
        async with httpx.AsyncClient(base_url=self.simulator, trust_env=False) as http:
            answer = await http.post(
                "/_control/clock", json={"offsetSeconds": ahead.total_seconds()}
            )
        answer.raise_for_status()


@asynccontextmanager
async def staged(
    options: Options, *, size: int, shops: Sequence[FileShop] = ()
) -> AsyncIterator[Stage]:
    """Started as `tillstream up --with-simulator` does it; gone with the block.

    `size` is how many orders the generated shop has.
    """
    with _folder() as folder:
        up = Up(
            UpOptions(
                folder,
                {"LOG_LEVEL": "WARNING"},
                with_simulator=True,
                shops=tuple(f"{shop.domain}={write_orders(folder, shop)}" for shop in shops),
                port=ANY_PORT,
                size=size,
                lines=LINES,
            ),
            lambda line: options.people.print(line, markup=False),
        )
        options.copies.append(up)
        async with up.running() as state:
            ingestor = operator_client("ingestor", str(state.ingestor), folder, {})
            try:
                yield Stage(up, ingestor)
            finally:
                await ingestor.close()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        folder = Path(name)
        # PostgreSQL's own user has to walk through it.
        folder.chmod(0o711)
        yield folder


def write_orders(folder: Path, shop: FileShop) -> Path:
    """A file of them for the simulator, spread over one year that is past."""
    path = folder / f"{shop.domain}.csv"
    with path.open("w") as file:
        file.write(_HEADER)
        for number in range(shop.orders):
            moment = (_FIRST_ORDER + number * _YEAR / shop.orders).isoformat(timespec="seconds")
            buyer = number % max(1, shop.orders // 3)
            file.writelines(
                f"{number},{moment},{buyer},{product},Product {product},{1 + number % 3},9.90\n"
                for product in range(number % 90, number % 90 + LINES)
            )
    return path
