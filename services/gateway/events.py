"""What the gateway does with each event. It asks oauth about erasures, whatever an event says."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.erasures import check_erasure_is_due
from libs.common.events.contracts import (
    TenantConnected,
    TenantErased,
    TenantErasureCancelled,
    TenantErasureScheduled,
)
from libs.common.logs import get_logger
from libs.common.web.client import ServiceClient
from services.gateway import erasures
from services.gateway.connections import note_connection

log = get_logger()

Handler = Callable[[Any], Awaitable[None]]


def event_handlers(engine: AsyncEngine, oauth: ServiceClient) -> dict[type[Any], Handler]:
    follow = partial(follow_erasure, engine=engine, oauth=oauth)
    return {
        TenantConnected: partial(note_connection, engine=engine),
        TenantErasureScheduled: follow,
        TenantErasureCancelled: follow,
        TenantErased: partial(erase_tenant, engine=engine, oauth=oauth),
    }


async def follow_erasure(
    event: TenantErasureScheduled | TenantErasureCancelled,
    engine: AsyncEngine,
    oauth: ServiceClient,
) -> None:
    """Let nobody in to a tenant that is to be erased, and everybody once it stays after all.

    Replays, and events in another order, end as oauth has it. Raises ServiceUnavailableError
    while oauth is away.
    """
    await erasures.follow_oauth(engine, oauth, event.tenant_id)


async def erase_tenant(event: TenantErased, engine: AsyncEngine, oauth: ServiceClient) -> None:
    """Forget the tenant and the users who belonged to it alone, and report it to oauth.

    A replay changes nothing. Raises PermanentError when oauth knows of no such erasure, and
    ServiceUnavailableError while oauth is away.
    """
    await check_erasure_is_due(oauth, event.tenant_id)
    users = await erasures.erase(engine, event.tenant_id)
    await erasures.sweep_users(engine)
    await oauth.ask(
        "POST",
        f"/internal/erasures/{event.tenant_id}",
        tenant_id=event.tenant_id,
        json={"counts": {"users": users}},
    )
    log.info("tenant_erased", tenant_id=str(event.tenant_id), users=users)
