"""What the gateway does with each event."""

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.events.contracts import TenantErased
from libs.common.logs import get_logger
from services.gateway import repository

log = get_logger()


async def erase_tenant(event: TenantErased, engine: AsyncEngine) -> None:
    """Forget the tenant and the users who belonged to it alone. A replay changes nothing."""
    async with transaction(engine) as tx:
        users = await repository.erase_tenant(tx, event.tenant_id)
    log.info("tenant_erased", tenant_id=str(event.tenant_id), users=users)
