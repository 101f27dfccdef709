"""Tells the rest of the platform that a pull moved on. Hints: a lost one costs nothing.

What came too soon after a hint is said with the next one; the end of a pull always is.
"""

import asyncio
from typing import Any
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.events.contracts import Event, PullProgressed, StoreChanged
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.topology import HINTS
from services.ingestor.status import current_pull

_SECONDS_BETWEEN = 0.25


class Progress:
    """Of one pull. Read the state in the transaction that changes it, announce it after."""

    def __init__(self, publisher: Publisher, tenant_id: UUID) -> None:
        self._publisher = publisher
        self._tenant_id = tenant_id
        self._next_at = 0.0
        self._version: int | None = None
        self._pull: dict[str, Any] | None = None

    async def read(self, tx: Transaction, *, now: bool = False) -> None:
        """Note the pull as `tx` sees it, when it is time for a hint or `now` is given."""
        if now or asyncio.get_running_loop().time() >= self._next_at:
            self._pull = await current_pull(tx, self._tenant_id)

    def note_version(self, version: int | None) -> None:
        """The tenant's data version after a commit; None where nothing changed."""
        self._version = version or self._version

    async def announce(self) -> None:
        """After the commit: say what was noted."""
        if self._pull is None:
            return
        self._next_at = asyncio.get_running_loop().time() + _SECONDS_BETWEEN
        pull, self._pull = self._pull, None
        await self._send(PullProgressed(tenant_id=self._tenant_id, pull=pull))
        await self._announce_version()

    async def _announce_version(self) -> None:
        version, self._version = self._version, None
        if version is not None:
            await self._send(StoreChanged(tenant_id=self._tenant_id, data_version=version))

    async def _send(self, hint: Event) -> None:
        await self._publisher.publish_transient(HINTS, hint.TYPE, hint.to_json())
