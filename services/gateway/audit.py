"""The audit log: what was done to a tenant's accounts, kept with the tenant and erased with it.

Its owner can read all of it. Some of it every member is told, as notices, until dismissed.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.ids import new_id
from services.gateway import audit_repository
from services.gateway.audit_repository import Entry


class AuditAction(StrEnum):
    CLAIM_REDEEMED = "claim_redeemed"
    ACCOUNT_RECOVERED = "account_recovered"
    OWNERSHIP_TAKEN_OVER = "ownership_taken_over"
    SHOP_CONNECTED = "shop_connected"
    SHOP_RECONNECTED = "shop_reconnected"


NOTICES = frozenset(
    {
        AuditAction.ACCOUNT_RECOVERED,
        AuditAction.OWNERSHIP_TAKEN_OVER,
        AuditAction.SHOP_RECONNECTED,
    }
)
"""What every member is told."""


async def audit(
    tx: Transaction, tenant_id: UUID, user_id: UUID | None, action: AuditAction, **details: str
) -> None:
    """Note what `user_id` did. `details` may name users, and hold nothing else that is personal."""
    entry = Entry(new_id(), utc_now(), action, user_id, details)
    await audit_repository.add_entry(tx, tenant_id, entry)


async def audit_event(
    tx: Transaction,
    event_id: UUID,
    tenant_id: UUID,
    action: AuditAction,
    at: datetime,
    **details: str,
) -> bool:
    """Note what an event of another service tells. False when it was noted before: a replay."""
    entry = Entry(event_id, at, action, None, details)
    return await audit_repository.add_entry(tx, tenant_id, entry)
