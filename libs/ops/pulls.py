"""`tillstream pulls`: the schedule of all tenants, as the ingestor tells and changes it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from libs.common.web.client import ServiceClient
from libs.ops.diagnosis.shopify import versions_served
from libs.ops.errors import OperationError

_SCHEDULE = "/internal/schedule"
_COLUMNS = ("shop", "every", "next", "last pull", "state", "records", "proof")


async def show_schedule(ingestor: ServiceClient, console: Console) -> None:
    """One line a tenant: when it is read next, and what became of the last pull."""
    table = Table(*_COLUMNS)
    schedule = await ingestor.ask("GET", _SCHEDULE)
    for line in schedule["tenants"]:
        last = line["lastPull"] or {}
        coming = "paused" if line["paused"] else _minute(line["nextPullAt"])
        table.add_row(
            line["domain"] or line["tenantId"],
            f"{line['pullIntervalMinutes']} min",
            coming,
            f"{_minute(last.get('finishedAt'))} {last.get('scope', '')}".strip(),
            "\n".join([last.get("state", ""), *map(_error, last.get("errors", ()))]),
            str(last.get("recordsProcessed", "")),
            _proof(last.get("proof")),
        )
    console.print(table)
    for finding in versions_served(schedule):
        if not finding.ok:
            console.print(str(finding))


async def run_pull(
    ingestor: ServiceClient, domain: str, first: str | None, last: str | None
) -> str:
    """The id of a pull of what was created on the days from `first` to `last`, or of all."""
    days = {name: day for name, day in (("from", first), ("to", last)) if day}
    tenant_id = await tenant_of(ingestor, domain)
    path = f"{_SCHEDULE}/{tenant_id}/pulls"
    answer = await ingestor.ask("POST", path, tenant_id=UUID(tenant_id), json=days)
    return str(answer["id"])


async def set_paused(ingestor: ServiceClient, domain: str | None, *, paused: bool) -> int:
    """Stops or starts the scheduled pulls of one shop, or of all; returns of how many."""
    change: dict[str, Any] = {"paused": paused}
    if domain is not None:
        change["tenant"] = await tenant_of(ingestor, domain)
    answer = await ingestor.ask("PATCH", _SCHEDULE, json=change)
    return int(answer["changed"])


async def recompute_totals(ingestor: ServiceClient, domain: str) -> None:
    """Ask for it: a large shop takes minutes, and its figures stand still meanwhile."""
    tenant_id = await tenant_of(ingestor, domain)
    path = f"/internal/audits/{tenant_id}/recompute"
    await ingestor.ask("POST", path, tenant_id=UUID(tenant_id))


async def tenant_of(ingestor: ServiceClient, domain: str) -> str:
    """The tenant whose shop has that domain, or that id. Raises OperationError."""
    tenants = (await ingestor.ask("GET", _SCHEDULE))["tenants"]
    for line in tenants:
        if domain.lower() in (line["domain"], line["tenantId"]):
            return str(line["tenantId"])
    raise OperationError(f"no shop {domain} is connected; `tillstream pulls list` names all")


def _error(error: Mapping[str, Any]) -> str:
    return f"{error['entity'] or 'all'}: {error['code']}"


def _proof(proof: Mapping[str, Any] | None) -> str:
    if proof is None:
        return ""
    equal = proof["compared"] - proof["differing"]
    return f"{equal} of {proof['compared']} equal, {proof['repaired']} repaired"


def _minute(moment: str | None) -> str:
    if moment is None:
        return ""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
