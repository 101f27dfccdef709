"""`tillstream redactions`: people whom we were asked to forget and whom Shopify still shows."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from rich.console import Console
from rich.table import Table

from libs.common.web.client import ServiceClient
from libs.ops.pulls import tenant_of

_REDACTIONS = "/internal/redactions"
_COLUMNS = ("shop", "customer", "received", "held since")


async def show_redactions(ingestor: ServiceClient, console: Console) -> None:
    """One line for each that waits for a decision."""
    table = Table(*_COLUMNS)
    for line in (await ingestor.ask("GET", _REDACTIONS))["redactions"]:
        moments = (_minute(line[name]) for name in ("receivedAt", "heldAt"))
        table.add_row(line["domain"] or line["tenantId"], line["customerId"], *moments)
    console.print(table)


async def decide_redaction(
    ingestor: ServiceClient, domain: str, customer: int, decision: Literal["forget", "refuse"]
) -> None:
    """Raises NotFoundError where none is held for that customer."""
    tenant_id = await tenant_of(ingestor, domain)
    path = f"{_REDACTIONS}/{tenant_id}/{customer}"
    await ingestor.ask("POST", path, tenant_id=UUID(tenant_id), json={"decision": decision})


def _minute(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
