"""`tillstream dead-letters`: what was set aside, sent again or discarded."""

import asyncio
import getpass
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from libs.common.clock import utc_now
from libs.common.errors import InvalidInputError, NotFoundError
from libs.common.messaging.dead_letters import DeadLetter, republish
from libs.common.messaging.fates import Kind
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import NO_TENANT
from libs.common.web.client import ServiceClient
from libs.ops.diagnosis.findings import duration
from libs.ops.errors import OperationError
from libs.ops.pulls import tenant_of

_LETTERS = "/internal/dead-letters"


@dataclass(frozen=True, slots=True)
class Selection:
    """Letters by id, or by what they have in common. `tenant` is an id, a domain, or `none`."""

    ids: tuple[UUID, ...] = ()
    consumer: str | None = None
    kind: str | None = None
    reason: str | None = None
    topic: str | None = None
    tenant: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100

    def is_narrow(self) -> bool:
        """Whether anything but the limit was said."""
        return any((self.ids, *self._given().values()))

    def _given(self) -> dict[str, str | None]:
        return {
            **{"consumer": self.consumer, "kind": self.kind, "reason": self.reason},
            **{"topic": self.topic, "tenant": self.tenant},
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }

    async def query(self, ingestor: ServiceClient) -> str:
        """Raises OperationError for a shop that nobody knows."""
        given = self._given()
        if self.tenant is not None:
            given["tenant"] = await _tenant_id(ingestor, self.tenant)
        wanted = {name: value for name, value in given.items() if value is not None}
        return urlencode({**wanted, "limit": self.limit})


@dataclass(slots=True)
class Outcome:
    """Of a run over many letters: how many went, and why the others could not, by id."""

    done: int = 0
    left: dict[str, str] = field(default_factory=dict)


async def find_letters(ingestor: ServiceClient, selection: Selection) -> dict[str, Any]:
    """As the ingestor lists them, the oldest first; those chosen by id one by one.

    Raises NotFoundError for an id that is none.
    """
    if selection.ids:
        letters = [await read_letter(ingestor, letter_id) for letter_id in selection.ids]
        return {"total": len(letters), "deadLetters": letters}
    query = await selection.query(ingestor)
    found: dict[str, Any] = await ingestor.ask("GET", f"{_LETTERS}?{query}")
    return found


async def read_letter(ingestor: ServiceClient, letter_id: UUID) -> dict[str, Any]:
    """With the names of its fields. Raises NotFoundError."""
    found: dict[str, Any] = await ingestor.ask("GET", f"{_LETTERS}/{letter_id}")
    return found


async def show_letters(
    ingestor: ServiceClient, selection: Selection, console: Console, *, as_json: bool
) -> None:
    """One line a letter and the figures of all that match, or one JSON object with both."""
    found = await find_letters(ingestor, selection)
    if as_json:
        print(json.dumps(found))
        return
    letters = found["deadLetters"]
    if letters:
        console.print(_table(letters))
    if any(letter["retriedAt"] for letter in letters):
        console.print("+ it is not known whether the broker took it: retry it once more")
    console.print(_figures(found), markup=False, soft_wrap=True)


def _table(letters: Iterable[Mapping[str, Any]]) -> Table:
    """Ids are whole on any screen, to be copied."""
    table = Table(
        Column("id, age and tries", no_wrap=True),
        Column("what, of whom and why", overflow="fold"),
        show_lines=True,
    )
    for letter in letters:
        tries = f"{letter['attempts']} tries" + (", sent again +" if letter["retriedAt"] else "")
        kind = f"{letter['topic'] or letter['kind']} of {letter['consumer']}"
        told = (kind, _shop(letter), letter["reason"])
        table.add_row(
            f"{letter['id']}\n{_age(letter['createdAt'])}, {tries}",
            Text("\n".join(map(_printable, told))),
        )
    return table


async def show_letter(ingestor: ServiceClient, letter_id: UUID, *, as_json: bool) -> None:
    """Where it came from, why it is there, and the names of its fields: no value of any."""
    letter = await read_letter(ingestor, letter_id)
    if as_json:
        print(json.dumps(letter))
        return
    fields = letter.pop("fields")
    for name, value in letter.items():
        if value is not None:
            print(f"{name}: {_printable(str(value))}")
    print("fields: " + ("none can be read" if not fields else ""))
    for line in fields:
        print(f"  {line}")


async def retry_letters(
    ingestor: ServiceClient, publisher: Publisher, ids: Iterable[str], per_second: float
) -> Outcome:
    """Send each back to the queue it came from, and remove it once the broker has confirmed it.

    Raises BrokerUnavailableError; what was not confirmed is still there, and what was is not.
    """
    outcome = Outcome()
    async for letter_id in paced(ids, per_second):
        try:
            given = await ingestor.ask(
                "POST", f"{_LETTERS}/{letter_id}/retry", json={"by": operator_name()}
            )
        except (InvalidInputError, NotFoundError) as error:
            outcome.left[letter_id] = error.message
            continue
        await republish(publisher, _letter(given))
        told = {"retriedAt": given["retriedAt"]}
        await ingestor.ask("POST", f"{_LETTERS}/{letter_id}/retried", json=told)
        outcome.done += 1
    return outcome


async def discard_letters(
    ingestor: ServiceClient, ids: Iterable[str], *, privacy_requests: bool
) -> Outcome:
    """Delete each for good; what the law wants answered only with `privacy_requests`."""
    outcome = Outcome()
    order = {"by": operator_name(), "privacyRequests": privacy_requests}
    for letter_id in ids:
        try:
            await ingestor.ask("POST", f"{_LETTERS}/{letter_id}/discard", json=order)
        except (InvalidInputError, NotFoundError) as error:
            outcome.left[letter_id] = error.message
        else:
            outcome.done += 1
    return outcome


async def paced(
    items: Iterable[str],
    per_second: float,
    *,
    clock: Callable[[], float] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[str]:
    """Each of `items`, never more of them than `per_second` for each second since the first."""
    now = clock or asyncio.get_running_loop().time
    start = now()
    for number, item in enumerate(items):
        if (early := start + number / per_second - now()) > 0:
            await sleep(early)
        yield item


def operator_name() -> str:
    """Who runs the command, as the machine knows them: the ingestor keeps a hash of it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


async def _tenant_id(ingestor: ServiceClient, tenant: str) -> str:
    if tenant == "none":
        return str(NO_TENANT)
    try:
        return str(UUID(tenant))
    except ValueError:
        return await tenant_of(ingestor, tenant)


def _letter(given: Mapping[str, Any]) -> DeadLetter:
    return DeadLetter(
        consumer=given["consumer"],
        kind=Kind(given["kind"]),
        reason=given["reason"],
        attempts=given["attempts"],
        record=b64decode(given["record"]),
        topic=given["topic"],
    )


def _figures(found: Mapping[str, Any]) -> str:
    total, shown = found["total"], len(found["deadLetters"])
    if not total:
        return "no dead letters match"
    text = f"{shown} of {total} shown" if shown < total else f"{total} dead letters"
    if found.get("oldestAt"):
        text += f", the oldest {_age(found['oldestAt'])} old"
    if found.get("privacyRequests"):
        oldest = _age(found["oldestPrivacyRequestAt"])
        text += (
            f"; {found['privacyRequests']} of them are what privacy law gives 30 days for, "
            f"the oldest {oldest} old"
        )
    return text


def _printable(text: str) -> str:
    """What a letter says of itself may be anybody's: it must not command the terminal."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _shop(letter: Mapping[str, Any]) -> str:
    if letter["tenantId"] == str(NO_TENANT):
        return "none"
    return str(letter["domain"] or letter["tenantId"])


def _age(moment: str | None) -> str:
    if moment is None:
        return ""
    return duration((utc_now() - datetime.fromisoformat(moment)).total_seconds())


def refuse_all(selection: Selection) -> None:
    """Raises OperationError where nothing says which letters are meant."""
    if not selection.is_narrow():
        raise OperationError(
            "say which: ids, or a filter such as --consumer or --reason; --all means all"
        )
