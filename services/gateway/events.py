"""What the gateway does with each event."""

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.events.contracts import TenantErased
from libs.common.logs import get_logger
from libs.common.web.client import ServiceClient
from services.gateway import repository

log = get_logger()


async def erase_tenant(event: TenantErased, engine: AsyncEngine, oauth: ServiceClient) -> None:
    """Forget the tenant and the users who belonged to it alone, and report it to oauth.

    A replay changes nothing. Raises ServiceUnavailableError while oauth is away.
    """
    async with transaction(engine) as tx:
        users = await repository.erase_tenant(tx, event.tenant_id)
    await oauth.ask(
        "POST",
        f"/internal/erasures/{event.tenant_id}",
        tenant_id=event.tenant_id,
        json={"counts": {"users": users}},
    )
    log.info("tenant_erased", tenant_id=str(event.tenant_id), users=users)
