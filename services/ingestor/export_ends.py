"""From the delivery that says an export has ended to the pull that waits for it, whatever
processes the two are in.

A hint: who waits looks at Shopify anyway, so a lost one costs time and nothing else.
"""

import asyncio
from uuid import UUID
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.notices import listen, notify
from libs.common.database.transaction import Transaction

_CHANNEL = "export_ends"
_FIRST_PAUSE_SECONDS = 0.2


async def announce_end(tx: Transaction, tenant_id: UUID, operation_id: str) -> None:
    """Once `tx` is committed, wake whoever waits for the export."""
    await notify(tx, _CHANNEL, _name(tenant_id, operation_id))


class ExportEnds:
    """What this process hears. `first_pause_seconds`: how soon an export is looked at anyway."""

    def __init__(self, *, first_pause_seconds: float = _FIRST_PAUSE_SECONDS) -> None:
        self.first_pause_seconds = first_pause_seconds
        self._awaited: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    def of(self, tenant_id: UUID, operation_id: str) -> asyncio.Event:
        """Set whenever the export is said to have ended, for as long as somebody holds it."""
        return self._awaited.setdefault(_name(tenant_id, operation_id), asyncio.Event())

    async def listen(self, engine: AsyncEngine) -> None:
        """Until cancelled."""
        await listen(engine, _CHANNEL, self._hear)

    def _hear(self, name: str) -> None:
        if (event := self._awaited.get(name)) is not None:
            event.set()


def _name(tenant_id: UUID, operation_id: str) -> str:
    return f"{tenant_id} {operation_id}"
