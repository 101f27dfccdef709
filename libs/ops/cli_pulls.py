"""The commands below `tillstream pulls`."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from libs.common.web.client import ServiceClient
from libs.ops.errors import OperationError
from libs.ops.operator import operator_client
from libs.ops.pulls import run_pull, set_paused, show_schedule
from libs.ops.state import read_state

pulls = typer.Typer(no_args_is_help=True, help="When each shop is read at Shopify.")

Ingestor = Annotated[
    str | None,
    typer.Option(envvar="INGESTOR_URL", help="The ingestor, inside; else --data-dir's."),
]
DataDir = Annotated[Path, typer.Option(help="Where everything of this copy is kept.")]
Shop = Annotated[str, typer.Argument(metavar="DOMAIN")]
Shops = Annotated[str | None, typer.Argument(metavar="DOMAIN", help="All shops unless given.")]
_DATA_DIR = Path(".tillstream")


@pulls.command(name="list")
def list_pulls(ingestor: Ingestor = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Every shop: how often and when next it is read, and what became of the last pull."""

    async def work() -> None:
        async with asking_ingestor(ingestor, data_dir) as client:
            await show_schedule(client, Console())

    asyncio.run(work())


@pulls.command()
def run(
    shop: Shop,
    first: Annotated[str | None, typer.Option("--from", help="A day, 2026-11-01.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="A day, included.")] = None,
    ingestor: Ingestor = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Read again what was created in a range of days, or all."""

    async def work() -> None:
        async with asking_ingestor(ingestor, data_dir) as client:
            print(f"pull {await run_pull(client, shop, first, last)} is queued")

    asyncio.run(work())


@pulls.command()
def pause(shop: Shops = None, ingestor: Ingestor = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Stop the scheduled pulls; what runs goes on, and webhooks are applied as ever."""
    asyncio.run(_set_paused(shop, ingestor, data_dir, paused=True))


@pulls.command()
def resume(shop: Shops = None, ingestor: Ingestor = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Start the scheduled pulls again, at once."""
    asyncio.run(_set_paused(shop, ingestor, data_dir, paused=False))


async def _set_paused(
    shop: str | None, ingestor: str | None, data_dir: Path, *, paused: bool
) -> None:
    async with asking_ingestor(ingestor, data_dir) as client:
        changed = await set_paused(client, shop, paused=paused)
    print(f"{'paused' if paused else 'resumed'}: {changed} shop(s)")


@asynccontextmanager
async def asking_ingestor(ingestor: str | None, data_dir: Path) -> AsyncIterator[ServiceClient]:
    """The ingestor at that address, or the one of the data folder, asked as the operator."""
    url = ingestor or read_state(data_dir).ingestor
    if url is None:
        raise OperationError("--ingestor must be given: what runs there does not say where it is")
    client = operator_client("ingestor", url, data_dir, os.environ)
    try:
        yield client
    finally:
        await client.close()
