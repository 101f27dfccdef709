"""What the gateway does when a shop is connected: members are told, and old sessions end."""

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.failures import ReferenceMissingError
from libs.common.database.transaction import transaction
from libs.common.events.contracts import TenantConnected
from libs.common.logs import get_logger
from libs.common.security_events import SecurityEvent, record_security_event
from services.gateway import erasures, recovery_repository
from services.gateway.audit import AuditAction, audit_event

log = get_logger()


async def note_connection(event: TenantConnected, engine: AsyncEngine) -> None:
    """Note the connection in the audit log, which tells the members of all but the first.

    A shop that was disconnected may have another owner now: everybody who was signed in before
    it was connected again must sign in again. A replay changes nothing.
    """
    try:
        ended = await _note(event, engine)
    except ReferenceMissingError:
        # The only key that can fail is the tenant's: it was erased since.
        log.info("connection_of_no_tenant_ignored", tenant_id=str(event.tenant_id))
        return
    if ended:
        record_security_event(
            SecurityEvent.SESSIONS_ENDED,
            tenant_id=str(event.tenant_id),
            sessions=ended,
            reason="shop_reconnected",
        )


async def _note(event: TenantConnected, engine: AsyncEngine) -> int:
    """How many sessions were ended."""
    before = event.previous_status
    action = AuditAction.SHOP_CONNECTED if before is None else AuditAction.SHOP_RECONNECTED
    details = {} if before is None else {"previousStatus": before}
    async with transaction(engine) as tx:
        await audit_event(tx, event.event_id, event.tenant_id, action, event.occurred_at, **details)
        if before in (None, "active"):
            return 0
        ended = await recovery_repository.end_sessions_of_tenant(
            tx, event.tenant_id, begun_before=event.occurred_at
        )
        await erasures.end_streams(tx, event.tenant_id)
        return ended
