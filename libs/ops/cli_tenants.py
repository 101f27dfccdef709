"""The commands below `tillstream tenants`."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from libs.common.web.client import ServiceClient
from libs.ops.cli_pulls import Ingestor, Shop, asking_ingestor
from libs.ops.erasures import cancel_erasure, resume_departures, run_erasure, show_erasures
from libs.ops.errors import OperationError
from libs.ops.operator import operator_client
from libs.ops.pulls import recompute_totals
from libs.ops.state import read_state

tenants = typer.Typer(no_args_is_help=True, help="The tenants of this copy.")
erasures = typer.Typer(no_args_is_help=True, help="Tenants that are to be erased.")
tenants.add_typer(erasures, name="erasures")

Oauth = Annotated[
    str | None,
    typer.Option(envvar="OAUTH_URL", help="The oauth service, inside; else --data-dir's."),
]
DataDir = Annotated[Path, typer.Option(help="Where everything of this copy is kept.")]
Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="Its id, or its shop's domain.")]
_DATA_DIR = Path(".tillstream")


@tenants.command()
def recompute(shop: Shop, ingestor: Ingestor = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Make a shop's totals from its facts again, where the doctor says that they differ."""

    async def work() -> None:
        async with asking_ingestor(ingestor, data_dir) as client:
            await recompute_totals(client, shop)
        print(f"the totals of {shop} are being made again; the doctor says how they compare then")

    asyncio.run(work())


@erasures.command(name="list")
def list_erasures(oauth: Oauth = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Every erasure that is scheduled, running, held or asked about, and the last 30 days' done."""

    async def work() -> None:
        async with _asking(oauth, data_dir) as client:
            await show_erasures(client, Console())

    asyncio.run(work())


@erasures.command()
def cancel(tenant: Tenant, oauth: Oauth = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Keep a tenant; its shop stays disconnected until it connects again."""

    async def work() -> None:
        async with _asking(oauth, data_dir) as client:
            await cancel_erasure(client, tenant)
        print(f"the erasure of {tenant} is cancelled")

    asyncio.run(work())


@erasures.command()
def run(
    tenant: Tenant,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    oauth: Oauth = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Erase a tenant now instead of when it is due. There is no way back."""

    async def work() -> None:
        async with _asking(oauth, data_dir) as client:
            await run_erasure(client, tenant)
        print(f"{tenant} is being erased")

    if not yes:
        typer.confirm(f"Erase all that is kept of {tenant}, for good?", abort=True)
    asyncio.run(work())


@erasures.command()
def resume(oauth: Oauth = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Go on after too many departures in an hour stopped all of them."""

    async def work() -> None:
        async with _asking(oauth, data_dir) as client:
            resumed = await resume_departures(client)
        print("departures go on" if resumed else "nothing was stopped")

    asyncio.run(work())


@asynccontextmanager
async def _asking(oauth: str | None, data_dir: Path) -> AsyncIterator[ServiceClient]:
    url = oauth or read_state(data_dir).oauth
    if url is None:
        raise OperationError("--oauth must be given: what runs there does not say where it is")
    client = operator_client("oauth", url, data_dir, os.environ)
    try:
        yield client
    finally:
        await client.close()
