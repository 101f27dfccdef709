"""Makes a delivery durable: in a queue of the broker, or in the spool while the broker is out.

One failure is enough for all that follows to be spooled. Only a probe message that went through the
broker's disk and back ends that; what was spooled is then sent on, beginning with the oldest.
"""

import asyncio
from collections.abc import Sequence
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.engine import ping
from libs.common.database.transaction import transaction
from libs.common.errors import BrokerUnavailableError, MessageMalformedError, TransientError
from libs.common.logs import get_logger
from libs.common.messaging.batches import RecordBatcher, lane_batcher
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import (
    DeliveryRecord,
    encode_record,
    join_records,
    split_message,
)
from libs.common.messaging.topology import DELIVERIES, HEALTH, HEALTH_WEBHOOKS, Lane, lane_for
from services.webhooks.repository import Spooled, add_to_spool, lock_oldest, remove_from_spool

_SPOOL_SECONDS = 1.0
_SPOOL_IN_FLIGHT = 2
_PROBE_SECONDS = 1.0
_IDLE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 10.0
_RELAY_ROWS = 100
_RELAY_BYTES = 256 * 1024
_RETRY_AFTER_SECONDS = 5

log = get_logger()


class Intake:
    """Takes deliveries. `watch_broker` and `relay_spool` run beside the server."""

    def __init__(self, publisher: Publisher, engine: AsyncEngine) -> None:
        self._publisher = publisher
        self._engine = engine
        self._lanes = {lane: lane_batcher(publisher, lane) for lane in Lane}
        self._spools = {lane: self._spool_batcher(lane) for lane in Lane}
        self._broker_works = asyncio.Event()
        self._broker_doubted = asyncio.Event()
        self._broker_doubted.set()

    async def accept(self, record: DeliveryRecord) -> None:
        """Return once `record` is durable. Raises TransientError when no store could take it."""
        encoded = encode_record(record)
        lane = lane_for(record.type)
        if self._broker_works.is_set():
            try:
                await self._lanes[lane].add(encoded)
            except BrokerUnavailableError as error:
                self._doubt(error)
            else:
                return
        try:
            await self._spools[lane].add(encoded)
        except TransientError as error:
            raise TransientError(
                "Neither the broker nor the database takes the delivery.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            ) from error

    async def check_ready(self) -> None:
        """Either store is enough. Raises DatabaseUnavailableError when both are out."""
        if not self._broker_works.is_set():
            await ping(self._engine)

    async def probe(self) -> bool:
        """Whether the broker stores a message; the answer decides where deliveries go."""
        try:
            await self._publisher.publish(
                HEALTH, HEALTH_WEBHOOKS, b"", timeout_seconds=_PROBE_SECONDS
            )
        except BrokerUnavailableError as error:
            log.debug("broker_probe_failed", reason=error.message)
            return False
        if not self._broker_works.is_set():
            log.info("broker_works")
            self._broker_works.set()
            self._broker_doubted.clear()
        return True

    async def watch_broker(self) -> None:
        """While the broker is in doubt, probe it. Runs for ever."""
        while True:
            await self._broker_doubted.wait()
            if not await self.probe():
                await asyncio.sleep(_PROBE_SECONDS)

    async def relay_spool(self) -> None:
        """Publish what was spooled, oldest first, while the broker works. Runs for ever."""
        pause = _PROBE_SECONDS
        while True:
            await self._broker_works.wait()
            try:
                relayed = await self._relay_batch()
            except TransientError as error:
                log.warning("spool_relay_waits", code=error.code, reason=error.message)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            pause = _PROBE_SECONDS
            if relayed:
                log.info("spool_relayed", deliveries=relayed)
            else:
                await asyncio.sleep(_IDLE_SECONDS)

    async def _relay_batch(self) -> int:
        """Relay some rows and remove those that were confirmed, even if others were not."""
        confirmed: list[int] = []
        failure: BrokerUnavailableError | None = None
        async with transaction(self._engine) as tx:
            rows = await lock_oldest(tx, rows=_RELAY_ROWS, most_bytes=_RELAY_BYTES)
            for lane, group in groupby(rows, key=lambda row: row.lane):
                together = list(group)
                try:
                    await self._publish(lane, together)
                except BrokerUnavailableError as error:
                    failure = error
                    break
                confirmed += [row.id for row in together]
            if confirmed:
                await remove_from_spool(tx, confirmed)
        if failure is not None:
            self._doubt(failure)
            raise failure
        return len(confirmed)

    async def _publish(self, lane: Lane, rows: Sequence[Spooled]) -> None:
        """Together, but what another release has spooled: its reader knows what to do with it."""
        together: list[bytes] = []
        for row in rows:
            try:
                together.append(split_message(row.message))
            except MessageMalformedError:
                await self._publisher.publish(DELIVERIES, lane, row.message)
        if together:
            await self._publisher.publish(DELIVERIES, lane, join_records(together))

    def _spool_batcher(self, lane: Lane) -> RecordBatcher:
        async def send(records: Sequence[bytes]) -> None:
            messages = [join_records([record]) for record in records]
            await add_to_spool(self._engine, lane, messages)

        return RecordBatcher(send, timeout_seconds=_SPOOL_SECONDS, max_in_flight=_SPOOL_IN_FLIGHT)

    def _doubt(self, error: BrokerUnavailableError) -> None:
        if self._broker_works.is_set():
            log.warning("broker_doubted", reason=error.message, **error.context)
            self._broker_works.clear()
            self._broker_doubted.set()
