"""The commands below `tillstream users`."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from libs.common.web.client import ServiceClient
from libs.ops.operator import operator_client
from libs.ops.state import read_state
from libs.ops.users import end_sessions, set_disabled, show_users

users = typer.Typer(no_args_is_help=True, help="Who may sign in.")

Gateway = Annotated[
    str | None,
    typer.Option(envvar="GATEWAY_URL", help="The gateway, inside; else --data-dir's."),
]
DataDir = Annotated[Path, typer.Option(help="Where everything of this copy is kept.")]
User = Annotated[str, typer.Argument(metavar="USER", help="A user name, or an id.")]
_DATA_DIR = Path(".tillstream")


@users.command(name="list")
def list_users(gateway: Gateway = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Every user: their shops, how many sessions they have, and whether they are disabled."""

    async def work() -> None:
        async with _asking(gateway, data_dir) as client:
            await show_users(client, Console())

    asyncio.run(work())


@users.command()
def disable(user: User, gateway: Gateway = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Sign a user out everywhere, and refuse every sign-in until `enable`."""
    asyncio.run(_set_disabled(user, gateway, data_dir, disabled=True))


@users.command()
def enable(user: User, gateway: Gateway = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Allow a disabled user to sign in again."""
    asyncio.run(_set_disabled(user, gateway, data_dir, disabled=False))


@users.command(name="end-sessions")
def end_all_sessions(user: User, gateway: Gateway = None, data_dir: DataDir = _DATA_DIR) -> None:
    """Sign a user out everywhere; the password still works."""

    async def work() -> None:
        async with _asking(gateway, data_dir) as client:
            print(f"ended: {await end_sessions(client, user)} session(s)")

    asyncio.run(work())


async def _set_disabled(user: str, gateway: str | None, data_dir: Path, *, disabled: bool) -> None:
    async with _asking(gateway, data_dir) as client:
        ended = await set_disabled(client, user, disabled=disabled)
    print(f"disabled; ended: {ended} session(s)" if disabled else "enabled")


@asynccontextmanager
async def _asking(gateway: str | None, data_dir: Path) -> AsyncIterator[ServiceClient]:
    url = gateway or read_state(data_dir).gateway
    client = operator_client("gateway", url, data_dir, os.environ)
    try:
        yield client
    finally:
        await client.close()
