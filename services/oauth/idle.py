"""Keeps shops connected that nobody asks for: their refresh tokens would end after 90 days.

Every replica makes rounds. What one of them has locked, the others pass over.
"""

import asyncio
import random
from uuid import UUID

from libs.common.errors import TransientError
from libs.common.logs import get_logger
from services.oauth.tokens import Tokens

_ROUND_SECONDS = 3600
_FIRST_ROUND_SECONDS = 60
_BEFORE_ALL = UUID(int=0)

log = get_logger()


async def keep_idle_connected(
    tokens: Tokens, *, first_round_seconds: float = _FIRST_ROUND_SECONDS
) -> None:
    """Rounds for ever, about one an hour, at moments that no two replicas share."""
    pause = first_round_seconds
    while True:
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        await renew_idle(tokens)
        pause = _ROUND_SECONDS


async def renew_idle(tokens: Tokens) -> None:
    """One round: each idle shop is tried once. One that fails waits for the next round."""
    tenant_id: UUID | None = _BEFORE_ALL
    while tenant_id is not None:
        try:
            tenant_id = await tokens.renew_next_idle(tenant_id)
        except TransientError as error:
            log.warning("idle_round_broken_off", code=error.code)
            return
