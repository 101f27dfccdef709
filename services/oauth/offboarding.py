"""How a tenant leaves. Deliveries are not believed: Shopify is asked (see `verification`).

Disconnected, a tenant keeps its history for the day the shop connects again. Erased, it keeps
nothing but a receipt. `tenants.uninstalled_at` is the first sign that the app was uninstalled
since the shop last connected: an app/uninstalled that was taken, or Shopify's terminal refusal
of the tokens.

    app/uninstalled --> open --- Shopify refuses the tokens --> confirmed: disconnected
                             |-- no tokens are held ----------> confirmed: uninstalled_at kept
                             |-- a token works, four times ---> disproved, security event
                             '-- no answer of use ------------> open, asked on

    shop/redact ------> open --- uninstalled_at is known -----> confirmed: erasure scheduled
                             |-- Shopify refuses the tokens --> confirmed: uninstalled now, the same
                             |-- a token works, four times ---> disproved, security event
                             |-- no answer of use ------------> open, asked on
                             '-- no tokens, no uninstall -----> held, until a person decides or
                                                                an uninstall is taken

    erasure: scheduled -- due --> running -- gateway and ingestor have reported --> done
             scheduled -- the shop connects again, or an operator cancels --> gone

With the schedule the tokens go and the members lose access; the rows go when it is due, by our
clock. From then on nothing new can reach the tenant, and a shop that connects again is another
tenant. The tenant's own row goes last. A shop that connects again settles what is open or held as
superseded. Deliveries for a scheduled tenant are taken like those for any disconnected shop: they
are complete again if it stays, and go with the rows if it does not.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.events.contracts import (
    TenantDisconnected,
    TenantErased,
    TenantErasureCancelled,
    TenantErasureScheduled,
)
from libs.common.logs import get_logger
from libs.common.security_events import SecurityEvent, record_security_event
from services.oauth import departures, erasures, repository
from services.oauth.repository import Shop

REPORTERS = frozenset({"gateway", "ingestor"})
"""The services that delete rows of their own on `tenant.erased.v1`, and say so."""

log = get_logger()


async def disconnect(tx: Transaction, shop: Shop, reason: str) -> bool:
    """Drop the tokens and tell the others; False when the shop was disconnected already.

    The caller holds the shop's lock.
    """
    if shop.status == "disconnected":
        return False
    await repository.set_status(tx, shop.tenant_id, "disconnected")
    await repository.delete_credentials(tx, shop.tenant_id)
    await repository.add_to_outbox(tx, TenantDisconnected(tenant_id=shop.tenant_id, reason=reason))
    record_security_event(
        SecurityEvent.TENANT_DISCONNECTED, tenant_id=shop.tenant_id, reason=reason
    )
    return True


async def note_uninstall(tx: Transaction, shop: Shop, moment: datetime) -> None:
    """The app is no longer installed. The caller holds the shop's lock."""
    await repository.set_uninstalled_at(tx, shop.tenant_id, moment)
    await departures.release_held(tx, shop.tenant_id, utc_now())


async def schedule_erasure(tx: Transaction, shop: Shop, cause: str, due_at: datetime) -> datetime:
    """End access now and the tenant's rows at `due_at`; returns when they will go.

    An erasure that is scheduled already stays as it is. The caller holds the shop's lock.
    """
    domain_hash = hashlib.sha256(shop.domain.encode()).digest()
    now, tenant_id = utc_now(), shop.tenant_id
    new = await erasures.schedule(tx, tenant_id, domain_hash, cause, now=now, due_at=due_at)
    if not new:
        scheduled = await erasures.erasure_of(tx, tenant_id)
        return scheduled.due_at if scheduled else due_at
    await disconnect(tx, shop, "erasure_scheduled")
    event = TenantErasureScheduled(tenant_id=tenant_id, due_at=due_at, cause=cause)
    await repository.add_to_outbox(tx, event)
    record_security_event(
        SecurityEvent.ERASURE_SCHEDULED, tenant_id=tenant_id, cause=cause, due_at=due_at.isoformat()
    )
    return due_at


async def cancel_erasure(tx: Transaction, tenant_id: UUID, by: str) -> bool:
    """False when none is scheduled. The shop stays disconnected; the caller holds its lock."""
    if not await erasures.cancel(tx, tenant_id):
        return False
    await repository.add_to_outbox(tx, TenantErasureCancelled(tenant_id=tenant_id))
    record_security_event(SecurityEvent.ERASURE_CANCELLED, tenant_id=tenant_id, by=by)
    return True


async def call_off(tx: Transaction, tenant_id: UUID) -> bool:
    """Cancel what is scheduled, held or asked about; False when nothing is."""
    now = utc_now()
    asked = await departures.settle_unsettled(tx, tenant_id, "cancelled", now, "redact")
    return await cancel_erasure(tx, tenant_id, "operator") or asked > 0


async def run_now(tx: Transaction, shop: Shop) -> datetime | None:
    """Make an erasure due now, a held one too; None when there is none. The caller has the lock."""
    now = utc_now()
    asked = await departures.settle_unsettled(tx, shop.tenant_id, "confirmed", now, "redact")
    if asked:
        await schedule_erasure(tx, shop, "shop_redact", now)
    return now if await erasures.bring_forward(tx, shop.tenant_id, now) else None


async def come_back(tx: Transaction, tenant_id: UUID, now: datetime) -> None:
    """The shop has connected again: what would have ended it no longer holds."""
    await departures.settle_unsettled(tx, tenant_id, "superseded", now, "uninstall", "redact")
    await cancel_erasure(tx, tenant_id, "reconnect")


async def begin_erasure(tx: Transaction, shop: Shop, cause: str) -> None:
    """Forget the shop and tell the others to forget theirs. The caller holds the shop's lock."""
    await erasures.begin(tx, shop.tenant_id, utc_now())
    await repository.forget_shop(tx, shop)
    await repository.add_to_outbox(tx, TenantErased(tenant_id=shop.tenant_id))
    record_security_event(SecurityEvent.ERASURE_BEGUN, tenant_id=shop.tenant_id, cause=cause)


async def take_report(
    tx: Transaction, tenant_id: UUID, service: str, counts: Mapping[str, int]
) -> None:
    """Note that `service` has erased its rows; with the last report the tenant goes.

    A report of an erasure that has not begun changes nothing, and neither does a repeated one.
    """
    reported = await erasures.add_report(tx, tenant_id, service, counts)
    if reported is None or not reported >= REPORTERS:
        return
    await erasures.finish(tx, tenant_id, utc_now())
    log.info("tenant_erased", tenant_id=tenant_id)
