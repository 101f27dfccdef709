"""How a tenant leaves: disconnected it keeps its history, erased it keeps nothing.

An erasure begins by forgetting the shop and its tokens, so that nothing new can reach the tenant
and a shop that connects again is another tenant. The tenant's own row goes last, once each
service that holds rows of it has reported that they are gone.
"""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.events.contracts import TenantDisconnected, TenantErased
from libs.common.logs import get_logger
from services.oauth import repository
from services.oauth.repository import Shop

REPORTERS = frozenset({"gateway", "ingestor"})
"""The services that delete rows of their own on `tenant.erased.v1`, and say so."""

log = get_logger()


async def disconnect(tx: Transaction, shop: Shop, reason: str) -> bool:
    """Drop the tokens and tell the others; False when the shop was disconnected already.

    The caller holds the shop's lock. The history stays, for the day the shop connects again.
    """
    if shop.status == "disconnected":
        return False
    await repository.set_status(tx, shop.tenant_id, "disconnected")
    await repository.delete_credentials(tx, shop.tenant_id)
    await repository.add_to_outbox(tx, TenantDisconnected(tenant_id=shop.tenant_id, reason=reason))
    log.info("shop_disconnected", tenant_id=shop.tenant_id, reason=reason)
    return True


async def begin_erasure(tx: Transaction, shop: Shop, cause: str) -> None:
    """Forget the shop and tell the others to forget theirs. The caller holds the shop's lock."""
    domain_hash = hashlib.sha256(shop.domain.encode()).digest()
    await repository.add_erasure(tx, shop.tenant_id, domain_hash, cause, utc_now())
    await repository.forget_shop(tx, shop)
    await repository.add_to_outbox(tx, TenantErased(tenant_id=shop.tenant_id))
    log.info("erasure_begun", tenant_id=shop.tenant_id, cause=cause)


async def take_report(
    tx: Transaction, tenant_id: UUID, service: str, counts: Mapping[str, int]
) -> None:
    """Note that `service` has erased its rows; with the last report the tenant goes.

    A report of an erasure nobody knows changes nothing, and neither does a repeated one.
    """
    reported = await repository.add_report(tx, tenant_id, service, counts)
    if reported is None or not reported >= REPORTERS:
        return
    await repository.finish_erasure(tx, tenant_id, utc_now())
    log.info("tenant_erased", tenant_id=tenant_id)
