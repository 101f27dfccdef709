"""The commands below `tillstream redactions`."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from libs.ops.cli_pulls import DataDir, Ingestor, Shop, asking_ingestor
from libs.ops.redactions import decide_redaction, show_redactions

redactions = typer.Typer(
    no_args_is_help=True, help="Requests to forget a person that Shopify does not confirm."
)

Customer = Annotated[int, typer.Argument(metavar="CUSTOMER", help="Its number, as listed.")]
_DATA_DIR = Path(".tillstream")


@redactions.command(name="list")
def list_redactions(ingestor: Ingestor = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Each that is held, with its shop and the customer's number."""

    async def work() -> None:
        async with asking_ingestor(ingestor, data_dir) as client:
            await show_redactions(client, Console())

    asyncio.run(work())


@redactions.command()
def forget(
    shop: Shop, customer: Customer, ingestor: Ingestor = None, data_dir: DataDir = _DATA_DIR
) -> None:
    """Forget the person now. There is no way back: ask the merchant first."""
    asyncio.run(_decide(shop, customer, "forget", ingestor, data_dir))
    print("the person is forgotten")


@redactions.command()
def refuse(
    shop: Shop, customer: Customer, ingestor: Ingestor = None, data_dir: DataDir = _DATA_DIR
) -> None:
    """Do not forget the person: the request was not the shop's. A receipt is kept."""
    asyncio.run(_decide(shop, customer, "refuse", ingestor, data_dir))
    print("the request is refused")


async def _decide(
    shop: str,
    customer: int,
    decision: Literal["forget", "refuse"],
    ingestor: str | None,
    data_dir: Path,
) -> None:
    async with asking_ingestor(ingestor, data_dir) as client:
        await decide_redaction(client, shop, customer, decision)
