"""Do departures of tenants and deletions of their objects wait for a person?"""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from libs.common.errors import PlatformError
from libs.ops.diagnosis.findings import Finding
from libs.ops.errors import OperationError
from libs.ops.operator import operator_client

_ERASURES = "erasures"
_DEPARTURES = "departures"
_DELETIONS = "deletions"
_WORKER_SECONDS = 60
_LIST = "`tillstream tenants erasures list` names them: run or cancel each"
_RESUME = (
    "find out who sends them, then `tillstream tenants erasures resume`; "
    "until then nothing is disconnected or erased"
)
_REDACTIONS = "`tillstream redactions list` names them: forget or refuse each"
_WORKER = "nobody asks Shopify about deletions: see logs/ingestor-pulls.log of the data folder"
_TURNS = """
    SELECT coalesce(sum(waiting), 0)::bigint AS waiting, coalesce(sum(held), 0)::bigint AS held,
           count(*) FILTER (WHERE failures > 0) AS stuck,
           coalesce(max(EXTRACT(epoch FROM now() - due_at))
               FILTER (WHERE failures = 0 AND lease_until IS NULL), 0) AS late
    FROM store.deletion_turns"""


async def check_erasures(data_dir: Path, oauth_url: str | None) -> list[Finding]:
    """By what oauth lists. Nothing where it is not known where oauth runs."""
    if oauth_url is None:
        return []
    try:
        client = operator_client("oauth", oauth_url, data_dir, os.environ)
    except OperationError as error:
        return [Finding(_ERASURES, "not known: oauth cannot be asked", error.message)]
    try:
        listed = await client.ask("GET", "/internal/erasures")
    except PlatformError as error:
        return [Finding(_ERASURES, f"not known: {error.message}", "see the log of oauth")]
    finally:
        await client.close()
    return [erasures_waiting(listed), brake(listed)]


def erasures_waiting(listed: Mapping[str, Any]) -> Finding:
    """A held one is wrong: Shopify cannot be asked, so a person must decide."""
    states = Counter(line["state"] for line in listed["erasures"])
    waiting = [f"{states[name]} {name}" for name in sorted(states) if name != "done"]
    seen = ", ".join(waiting) or "none waits"
    return Finding(_ERASURES, seen, _LIST if states["held"] else "")


def brake(listed: Mapping[str, Any]) -> Finding:
    seen = f"{listed['departuresLastHour']} of {listed['departuresLimit']} in the last hour"
    if listed["stoppedAt"] is None:
        return Finding(_DEPARTURES, seen)
    return Finding(_DEPARTURES, f"stopped since {listed['stoppedAt']}, {seen}", _RESUME)


async def check_deletions(connection: asyncpg.Connection) -> Finding:
    """Deletions that Shopify is asked about before they are applied."""
    [row] = await connection.fetch(_TURNS)
    seen = f"{row['waiting']} waiting for Shopify's answer, {row['held']} redactions held"
    if row["stuck"]:
        seen += f", {row['stuck']} shops cannot be asked now"
    if row["held"]:
        return Finding(_DELETIONS, seen, _REDACTIONS)
    return Finding(_DELETIONS, seen, _WORKER if row["late"] > _WORKER_SECONDS else "")
