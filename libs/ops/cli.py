"""The `tillstream` command."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from libs.common.errors import PlatformError
from libs.common.settings import trimmed
from libs.ops.broker_access import make_broker_users
from libs.ops.broker_topology import declare_topology
from libs.ops.children import PROJECT
from libs.ops.cli_dead_letters import dead_letters
from libs.ops.cli_pulls import pulls
from libs.ops.cli_redactions import redactions
from libs.ops.cli_tenants import tenants
from libs.ops.cli_users import users
from libs.ops.connect import ConnectOptions
from libs.ops.connect import connect as connect_shop
from libs.ops.demo import DemoOptions
from libs.ops.demo import demo as run_demo
from libs.ops.diagnosis.doctor import examine
from libs.ops.diagnosis.smoke import smoke as run_smoke
from libs.ops.env_file import write_filled
from libs.ops.errors import OperationError
from libs.ops.keys import rotate_keys
from libs.ops.migrate import migrate as migrate_up
from libs.ops.migrate import migrate_down
from libs.ops.operator import operator_client
from libs.ops.reachable import wait_for_broker, wait_for_database
from libs.ops.roles import passwords_in
from libs.ops.routes_from_here import reached_at
from libs.ops.state import read_state
from libs.ops.up import GENERATED_ORDERS, UpOptions, serve

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys = typer.Typer(no_args_is_help=True, help="The keys that seal Shopify's tokens.")
app.add_typer(keys, name="keys")
app.add_typer(pulls, name="pulls")
app.add_typer(tenants, name="tenants")
app.add_typer(redactions, name="redactions")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(users, name="users")
_people = Console(stderr=True, highlight=False)

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
DataDir = Annotated[Path, typer.Option(help="Where everything of this copy is kept.")]
_DATA_DIR = Path(".tillstream")
_LARGEST_SIZE = 10_000_000


@app.callback()
def tillstream() -> None:
    """Multi-tenant Shopify ingestion and insights."""


@app.command()
def up(
    *,
    with_simulator: Annotated[bool, typer.Option("--with-simulator")] = False,
    shop: Annotated[
        list[str] | None,
        typer.Option(help="DOMAIN=FILE[,currency=GBP][,zone=Europe/London]; may be repeated."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=_LARGEST_SIZE,
            help=f"The orders of the generated shop; {GENERATED_ORDERS} unless given.",
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="The gateway's port.")] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart what a changed Python file belongs to.")
    ] = False,
    data_dir: DataDir = _DATA_DIR,
    json: Annotated[bool, typer.Option("--json", help="Print nothing but the line.")] = False,
) -> None:
    """Run everything in the foreground; one line of JSON on stdout says when it is ready."""
    options = UpOptions(
        data_dir=data_dir.resolve(),
        environment=trimmed(os.environ),
        with_simulator=with_simulator,
        shops=tuple(shop or ()),
        port=port,
        size=size,
        reload=reload,
    )
    asyncio.run(serve(options, _silent if json else _say))


@app.command()
def migrate(
    down: Annotated[str | None, typer.Option(help="Go back to this revision.")] = None,
) -> None:
    """Bring the database (DATABASE_URL) and the broker (AMQP_URL) to this version.

    DATABASE_PASSWORD_GATEWAY and so on set the service roles' passwords. With
    RABBITMQ_MANAGEMENT_URL, BROKER_PASSWORD_GATEWAY and so on do so for the broker's users.
    """
    environment = trimmed(os.environ)
    url = environment.get("DATABASE_URL")
    if not url:
        raise OperationError("DATABASE_URL must be set: the owner's URL")
    asyncio.run(_migrate(url, down, environment))


async def _migrate(url: str, down: str | None, environment: Mapping[str, str]) -> None:
    await wait_for_database(url, _say)
    if down is not None:
        await migrate_down(url, down)
        return
    await migrate_up(url, passwords_in(environment, "DATABASE_PASSWORD"))
    if broker := environment.get("AMQP_URL"):
        await wait_for_broker(broker, _say)
        await declare_topology(broker)
        if management := environment.get("RABBITMQ_MANAGEMENT_URL"):
            users = passwords_in(environment, "BROKER_PASSWORD")
            await make_broker_users(broker, management, users)


@app.command(name="env-file")
def env_file(
    *,
    write: Annotated[
        Path, typer.Option("--write", help="The file to make; others cannot read it.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace it, and its secrets.")] = False,
) -> None:
    """Write a `.env` for docker-compose, with fresh secrets, from `.env.example`."""
    write_filled((PROJECT / ".env.example").read_text(), write, replace=force)
    _say(f"wrote {write}, readable by you alone")


@app.command()
def connect(
    shop: Annotated[str, typer.Argument(metavar="DOMAIN")],
    *,
    user: Annotated[str, typer.Option()],
    password_stdin: PasswordStdin = False,
    gateway: Annotated[str | None, typer.Option(help="Its PUBLIC_URL; else --data-dir's.")] = None,
    reach: Annotated[
        list[str] | None,
        typer.Option(help="ORIGIN=ORIGIN: where a browser's address is from here; repeatable."),
    ] = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Connect a simulated shop as a merchant would, and wait for its history.

    The password comes from CONNECT_PASSWORD, --password-stdin or a question.
    """
    password = _password(from_stdin=password_stdin)
    options = ConnectOptions(
        data_dir.resolve(), shop, user, password, gateway, reached_at(reach or ())
    )
    asyncio.run(connect_shop(options, _people))


@app.command()
def doctor(
    *,
    smoke: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Send an order of this connected shop.")
    ] = None,
    user: Annotated[str, typer.Option(help="Who looks for it on the dashboard.")] = "demo",
    password_stdin: PasswordStdin = False,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Look at everything that runs on the data folder; exits with 1 when something is wrong.

    --smoke signs in: by CONNECT_PASSWORD, --password-stdin or a question.
    """
    password = _password(from_stdin=password_stdin) if smoke else ""
    asyncio.run(_doctor(data_dir.resolve(), smoke, user, password))


async def _doctor(data_dir: Path, shop: str | None, user: str, password: str) -> None:
    findings = await examine(data_dir)
    if shop:
        findings.append(await run_smoke(data_dir, shop, user, password))
    for finding in findings:
        print(finding)
    if wrong := [finding.what for finding in findings if not finding.ok]:
        raise OperationError(f"{len(wrong)} of {len(findings)} are wrong: {', '.join(wrong)}")


@app.command()
def demo(
    *,
    check: Annotated[bool, typer.Option("--check", help="Stop after one live order.")] = False,
    port: Annotated[int | None, typer.Option(help="The gateway's port.")] = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Run everything with the demo shops, and compare the dashboard with the shops' own truth."""
    asyncio.run(run_demo(DemoOptions(data_dir.resolve(), check, port), _people))


@keys.command()
def rotate(
    oauth: Annotated[
        str | None,
        typer.Option(envvar="OAUTH_URL", help="The oauth service, inside; else --data-dir's."),
    ] = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Seal every stored token with the first key of ENCRYPTION_KEY, while they are in use."""
    asyncio.run(_rotate(oauth, data_dir.resolve()))


async def _rotate(oauth: str | None, data_dir: Path) -> None:
    url = oauth or read_state(data_dir).oauth
    if url is None:
        raise OperationError("--oauth must be given: what runs there does not say where it is")
    client = operator_client("oauth", url, data_dir, os.environ)
    try:
        await rotate_keys(client, _say)
    finally:
        await client.close()


def _password(*, from_stdin: bool) -> str:
    """Never an argument of the command: every user of the machine can read those."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if given := os.environ.get("CONNECT_PASSWORD", "").rstrip("\r\n"):
        return given
    if not sys.stdin.isatty():
        raise OperationError("a password is needed: give --password-stdin, or CONNECT_PASSWORD")
    return str(typer.prompt("Password", hide_input=True, err=True))


def main() -> None:
    try:
        app()
    except PlatformError as error:
        _people.print("error:", style="red", end=" ")
        _people.print(error.message, markup=False, soft_wrap=True)
        raise SystemExit(1) from None


def _say(line: str) -> None:
    _people.print(line, markup=False, soft_wrap=True)


def _silent(_line: str) -> None:
    return


if __name__ == "__main__":
    main()
