"""The commands below `tillstream dead-letters`."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import SecretStr
from rich.console import Console

from libs.common.clock import utc_now
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.settings import trimmed
from libs.common.web.client import ServiceClient
from libs.ops.cli_pulls import DataDir, Ingestor, asking_ingestor
from libs.ops.dead_letters import (
    Outcome,
    Selection,
    discard_letters,
    find_letters,
    refuse_all,
    retry_letters,
    show_letter,
    show_letters,
)
from libs.ops.errors import OperationError
from libs.ops.state import read_state

dead_letters = typer.Typer(
    no_args_is_help=True,
    help="Deliveries and events that could not be applied and wait for a person.",
)

_DATA_DIR = Path(".tillstream")
_MAX_LETTERS = 10_000
_MAX_SHOWN = 10
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Ids = Annotated[list[UUID] | None, typer.Argument(metavar="ID", help="As `list` shows them.")]
Consumer = Annotated[
    str | None, typer.Option(help="The queue it came from, such as deliveries.store.")
]
KindOption = Annotated[Kind | None, typer.Option(help="`message` is one nobody could read.")]
Reason = Annotated[str | None, typer.Option(help="As `list` shows it.")]
Topic = Annotated[str | None, typer.Option(help="Of a delivery, or the type of an event.")]
Tenant = Annotated[str | None, typer.Option(help="Its id, its shop's domain, or `none`.")]
Since = Annotated[str | None, typer.Option(help="Set aside then or later: 2026-11-30T18:00.")]
Until = Annotated[str | None, typer.Option(help="Set aside before. Times are UTC unless they say.")]
OlderThan = Annotated[str | None, typer.Option(help="Set aside so long ago: 90m, 12h or 3d.")]
Limit = Annotated[int, typer.Option(min=1, max=_MAX_LETTERS, help="The oldest so many of them.")]
All = Annotated[bool, typer.Option("--all", help="No filter: all of them, up to --limit.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@dead_letters.command(name="list")
def list_letters(  # noqa: PLR0913 - each is an option of the command
    *,
    consumer: Consumer = None,
    kind: KindOption = None,
    reason: Reason = None,
    topic: Topic = None,
    tenant: Tenant = None,
    since: Since = None,
    until: Until = None,
    older_than: OlderThan = None,
    limit: Limit = 100,
    json: Json = False,
    ingestor: Ingestor = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Each that matches every filter, the oldest first, and how many there are in all."""
    times = times_of(since, until, older_than)
    chosen = Selection((), consumer, kind, reason, topic, tenant, *times, limit)

    async def work(client: ServiceClient) -> None:
        await show_letters(client, chosen, Console(), as_json=json)

    _ask(ingestor, data_dir, work)


@dead_letters.command()
def show(
    letter: Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")],
    *,
    json: Json = False,
    ingestor: Ingestor = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Where one came from and why it is there, with the names of its fields and no values."""

    async def work(client: ServiceClient) -> None:
        await show_letter(client, letter, as_json=json)

    _ask(ingestor, data_dir, work)


@dead_letters.command()
def retry(  # noqa: PLR0913
    ids: Ids = None,
    *,
    consumer: Consumer = None,
    kind: KindOption = None,
    reason: Reason = None,
    topic: Topic = None,
    tenant: Tenant = None,
    since: Since = None,
    until: Until = None,
    older_than: OlderThan = None,
    limit: Limit = 1_000,
    everything: All = False,
    rate: Annotated[
        float, typer.Option(min=0.1, max=1_000, help="So many a second at most.")
    ] = 20.0,
    ingestor: Ingestor = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Send them back to the queues they came from, as if they had never been tried.

    First put right what the reason names. What is applied is gone from here; what fails
    again comes back. To retry twice applies nothing twice.

    The broker is asked as its owner: by AMQP_URL, else that of --data-dir.
    """
    times = times_of(since, until, older_than)
    chosen = Selection(tuple(ids or ()), consumer, kind, reason, topic, tenant, *times, limit)
    if not everything:
        refuse_all(chosen)
    broker = _owners_broker(data_dir)

    async def work(client: ServiceClient) -> None:
        found = [each["id"] for each in (await find_letters(client, chosen))["deadLetters"]]
        async with Publisher(broker, "tillstream dead-letters") as publisher:
            _tell("retried", await retry_letters(client, publisher, found, rate))

    _ask(ingestor, data_dir, work)


@dead_letters.command()
def discard(  # noqa: PLR0913
    ids: Ids = None,
    *,
    consumer: Consumer = None,
    kind: KindOption = None,
    reason: Reason = None,
    topic: Topic = None,
    tenant: Tenant = None,
    since: Since = None,
    until: Until = None,
    older_than: OlderThan = None,
    limit: Limit = 1_000,
    everything: All = False,
    privacy_requests: Annotated[
        bool,
        typer.Option("--privacy-requests", help="Also what privacy law gives 30 days for."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ingestor: Ingestor = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Delete them for good: what they tell is never applied, unless a pull brings it."""
    times = times_of(since, until, older_than)
    chosen = Selection(tuple(ids or ()), consumer, kind, reason, topic, tenant, *times, limit)
    if not everything:
        refuse_all(chosen)

    async def work(client: ServiceClient) -> None:
        found = [each["id"] for each in (await find_letters(client, chosen))["deadLetters"]]
        if found and not yes:
            typer.confirm(f"Delete {len(found)} dead letters for good?", abort=True)
        outcome = await discard_letters(client, found, privacy_requests=privacy_requests)
        _tell("discarded", outcome)

    _ask(ingestor, data_dir, work)


def _ask(
    ingestor: str | None, data_dir: Path, work: Callable[[ServiceClient], Awaitable[None]]
) -> None:
    async def ask() -> None:
        async with asking_ingestor(ingestor, data_dir) as client:
            await work(client)

    asyncio.run(ask())


def _owners_broker(data_dir: Path) -> SecretStr:
    """Never an argument of the command: there is a password in it. Raises OperationError."""
    if given := trimmed(os.environ).get("AMQP_URL"):
        return SecretStr(given)
    try:
        return SecretStr(read_state(data_dir).amqp_url)
    except OperationError as error:
        raise OperationError(f"AMQP_URL must be set, the broker's owner; {error.message}") from None


def _tell(what: str, outcome: Outcome) -> None:
    """Raises OperationError where some are left."""
    print(f"{what}: {outcome.done} dead letters")
    left = list(outcome.left.items())
    if left:
        named = "; ".join(f"{letter}: {why}" for letter, why in left[:_MAX_SHOWN])
        more = f"; and {len(left) - _MAX_SHOWN} more" if len(left) > _MAX_SHOWN else ""
        raise OperationError(f"{len(left)} are left as they were. {named}{more}")


def times_of(
    since: str | None, until: str | None, older_than: str | None
) -> tuple[datetime | None, datetime | None]:
    """From and before when. Raises OperationError for what is no time."""
    before = [each for each in (_moment(until), _ago(older_than)) if each is not None]
    return _moment(since), min(before, default=None)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OperationError(f"{text} is no time; 2026-11-30 or 2026-11-30T18:00 is") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _ago(text: str | None) -> datetime | None:
    if text is None:
        return None
    unit = _UNITS.get(text[-1:])
    if unit is None or not text[:-1].isascii() or not text[:-1].isdigit():
        raise OperationError(f"{text} is no span of time; 90m, 12h or 3d is")
    try:
        return utc_now() - timedelta(**{unit: int(text[:-1])})
    except OverflowError:
        raise OperationError(f"{text} is longer ago than any time there is") from None
