"""`tillstream tenants erasures`: tenants that leave, as oauth tells and changes it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from libs.common.web.client import ServiceClient
from libs.ops.errors import OperationError

_ERASURES = "/internal/erasures"
_RESUME = "/internal/departures/resume"
_COLUMNS = ("tenant", "shop", "cause", "state", "requested", "due")
_HASH_SHOWN = 12


async def show_erasures(oauth: ServiceClient, console: Console) -> None:
    """One line an erasure; the brake's state where it stopped them."""
    answer = await oauth.ask("GET", _ERASURES)
    table = Table(*_COLUMNS)
    for line in answer["erasures"]:
        table.add_row(
            line["tenantId"],
            _shop(line["shop"]),
            line["cause"],
            line["state"],
            _minute(line["requestedAt"]),
            _minute(line["dueAt"]),
        )
    console.print(table)
    if answer["stoppedAt"] is not None:
        console.print(
            f"stopped at {_minute(answer['stoppedAt'])}: more than {answer['departuresLimit']} "
            "departures within an hour. Look at why, then `tillstream tenants erasures resume`",
            soft_wrap=True,
        )


async def cancel_erasure(oauth: ServiceClient, tenant: str) -> None:
    """Raises OperationError when there is nothing to cancel, TenantNotFoundError."""
    tenant_id = await _tenant_of(oauth, tenant)
    await oauth.ask("POST", f"{_ERASURES}/{tenant_id}/cancel", tenant_id=tenant_id)


async def run_erasure(oauth: ServiceClient, tenant: str) -> None:
    """Make it due now. Raises OperationError when there is none, TenantNotFoundError."""
    tenant_id = await _tenant_of(oauth, tenant)
    await oauth.ask("POST", f"{_ERASURES}/{tenant_id}/run", tenant_id=tenant_id)


async def resume_departures(oauth: ServiceClient) -> bool:
    """False when nothing was stopped."""
    return bool((await oauth.ask("POST", _RESUME))["resumed"])


async def _tenant_of(oauth: ServiceClient, tenant: str) -> UUID:
    """`tenant` is an id, or the domain of a shop that is not forgotten yet."""
    for line in (await oauth.ask("GET", _ERASURES))["erasures"]:
        if _is_open(line) and tenant.lower() in (line["tenantId"], line["shop"]):
            return UUID(line["tenantId"])
    raise OperationError(
        f"no erasure of {tenant} waits; `tillstream tenants erasures list` names all"
    )


def _is_open(line: Mapping[str, Any]) -> bool:
    return line["state"] not in ("running", "done")


def _shop(shop: str) -> str:
    """A domain as it is; of a hash, enough to tell it from others."""
    return shop if "." in shop else shop[:_HASH_SHOWN]


def _minute(moment: str | None) -> str:
    if moment is None:
        return ""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
