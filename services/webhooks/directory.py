"""Which tenant a shop's deliveries belong to: the directory, kept in memory.

A database outage changes nothing for the shops that are known. A shop that is not known is
asked for at the database, so a connected shop is never refused for being new. A copy in a file
makes a process that starts during an outage know what the one before it knew.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.errors import DatabaseUnavailableError, ShopUnknownError, TransientError
from libs.common.logs import get_logger
from services.webhooks.directory_copy import read_copy, write_copy
from services.webhooks.repository import (
    Shop,
    count_shops,
    drop_spooled_of_unknown,
    find_shop,
    list_shops,
)

_REFRESH_SECONDS = 15.0
_OVERLAP = timedelta(minutes=2)
"""A line becomes visible at its commit, later than its time says."""
_MISS_SECONDS = 1.0
_ANSWER_SECONDS = 2.0
"""Shopify waits 5 seconds in all."""
_MOST_MISSES = 10_000
_MOST_QUESTIONS = 3
"""At a time; the other connections are for the spool."""

log = get_logger()


class ShopDirectory:
    """`start` once, then `keep_fresh` beside the server."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        copy: Path | None = None,
        refresh_seconds: float = _REFRESH_SECONDS,
    ) -> None:
        self._engine = engine
        self._copy = copy
        self._refresh_seconds = refresh_seconds
        self._shops: dict[str, Shop] = {}
        self._misses: dict[str, float] = {}
        self._newest: datetime | None = None
        self._lookups: dict[str, asyncio.Task[Shop | None]] = {}
        self._asking = asyncio.Semaphore(_MOST_QUESTIONS)
        self._silent_until = 0.0
        self._copied: dict[str, Shop] | None = None
        self._is_complete = False
        self._may_hold_orphans = True

    async def start(self) -> None:
        """Read all of it, or the copy while PostgreSQL is out, or begin with nothing."""
        try:
            await self.load()
        except TransientError as error:
            shops = [] if self._copy is None else await asyncio.to_thread(read_copy, self._copy)
            self._shops = {shop.domain: shop for shop in shops}
            log.warning("directory_without_database", shops=len(shops), reason=error.message)

    async def load(self) -> None:
        """Read all of it. Raises DatabaseUnavailableError."""
        shops = await list_shops(self._engine)
        self._shops = {shop.domain: shop for shop in shops}
        self._remember_newest(shops)
        self._is_complete = True
        self._may_hold_orphans = True
        await self._save()

    async def keep_fresh(self) -> None:
        """Take in changes for ever; all of it when lines are missing, as those of erased shops."""
        while True:
            await asyncio.sleep(self._refresh_seconds)
            try:
                await self._refresh()
                await self.drop_orphans()
            except TransientError as error:
                log.warning("directory_not_refreshed", shops=len(self._shops), reason=error.message)

    async def drop_orphans(self) -> None:
        """Forget what is spooled for erased shops. Raises DatabaseUnavailableError."""
        if not self._may_hold_orphans:
            return
        if dropped := await drop_spooled_of_unknown(self._engine):
            log.info("spooled_deliveries_of_erased_shops_dropped", deliveries=dropped)
        self._may_hold_orphans = False

    async def _refresh(self) -> None:
        if not self._is_complete or self._newest is None:
            await self.load()
            return
        await self._take_changes(self._newest - _OVERLAP)
        # Only after the new ones are in: one that came would hide one that went.
        if await count_shops(self._engine) != len(self._shops):
            await self.load()
        else:
            await self._save()

    async def _save(self) -> None:
        """An unchanged copy only becomes younger."""
        if self._copy is None:
            return
        shops = dict(self._shops)
        try:
            if shops == self._copied:
                await asyncio.to_thread(os.utime, self._copy)
            else:
                await asyncio.to_thread(write_copy, self._copy, list(shops.values()))
                self._copied = shops
        except OSError as error:
            self._copied = None
            log.warning("directory_copy_not_written", error=type(error).__name__)

    def cached(self, domain: str) -> Shop | None:
        return self._shops.get(domain)

    async def find(self, domain: str) -> Shop:
        """The shop of `domain`, from the database when it is not in memory.

        Raises ShopUnknownError, or TransientError when that cannot be said.
        """
        if (shop := self._shops.get(domain)) is not None:
            return shop
        now = asyncio.get_running_loop().time()
        if self._misses.get(domain, 0.0) > now:
            raise _unknown()
        if self._silent_until > now:
            # Whoever delivers need not wait for what the one before has waited for in vain.
            raise DatabaseUnavailableError("PostgreSQL did not answer just now")
        lookup = self._lookups.get(domain)
        if lookup is None:
            lookup = asyncio.create_task(self._look_up(domain))
            self._lookups[domain] = lookup
            lookup.add_done_callback(lambda _: self._lookups.pop(domain))
        if (shop := await asyncio.shield(lookup)) is None:
            raise _unknown()
        return shop

    async def _look_up(self, domain: str) -> Shop | None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS), self._asking:
                shop = await find_shop(self._engine, domain)
        except TimeoutError as error:
            self._remember_silence()
            raise DatabaseUnavailableError("PostgreSQL does not answer in time") from error
        except TransientError:
            self._remember_silence()
            raise
        if shop is not None:
            self._shops[domain] = shop
            return shop
        if len(self._misses) >= _MOST_MISSES:
            self._misses.clear()
        self._misses[domain] = asyncio.get_running_loop().time() + _MISS_SECONDS
        return None

    async def _take_changes(self, since: datetime) -> None:
        changed = await list_shops(self._engine, changed_since=since)
        self._shops |= {shop.domain: shop for shop in changed}
        self._remember_newest(changed)

    def _remember_silence(self) -> None:
        self._silent_until = asyncio.get_running_loop().time() + _MISS_SECONDS

    def _remember_newest(self, shops: Sequence[Shop]) -> None:
        times = [shop.updated_at for shop in shops]
        if self._newest is not None:
            times.append(self._newest)
        self._newest = max(times, default=None)


def _unknown() -> ShopUnknownError:
    return ShopUnknownError("This shop is not connected.")
