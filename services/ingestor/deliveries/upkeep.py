"""What the calendar asks for: partitions of applied deliveries, files that have expired, and orders
dated ahead whose day has come.
"""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import TransientError
from libs.common.logs import get_logger
from services.ingestor import repository
from services.ingestor.privacy.files import empty_expired_files
from services.ingestor.store.days import date_due

_SECONDS_BETWEEN = 6 * 3600
_SECONDS_AFTER_FAILURE = 60

log = get_logger()


async def keep_up(engine: AsyncEngine) -> None:
    """Until cancelled.

    Partitions are made two days ahead, so a turn that fails has time to come back.
    """
    while True:
        pause = _SECONDS_BETWEEN
        try:
            async with transaction(engine) as tx:
                await repository.turn_applied_deliveries(tx)
            if emptied := await empty_expired_files(engine):
                log.info("expired_files_emptied", files=emptied)
            if dated := await date_due(engine):
                log.info("orders_dated", tenants=dated)
        except TransientError as error:
            log.warning("upkeep_failed", code=error.code, reason=error.message)
            pause = _SECONDS_AFTER_FAILURE
        await asyncio.sleep(pause)
