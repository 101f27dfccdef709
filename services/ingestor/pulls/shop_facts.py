"""Keeps what Shopify says of a shop itself, and makes what depends on it follow."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.logs import get_logger
from libs.common.tables import store
from services.ingestor.shopify.shop import ShopFacts
from services.ingestor.store.recut import recut
from services.ingestor.store.tenants import lock_tenants, raise_versions
from services.ingestor.store.zones import FALLBACK, known_zone
from services.ingestor.unreadable import count_unreadable, forget_unreadable

_ZONE = ("shop", "iana_timezone")

_UNSEEN_HISTORY = timedelta(days=60)
"""Orders older than this are shown to apps with read_all_orders only."""

log = get_logger()


class ShopChange(NamedTuple):
    """`version` is the tenant's data version where figures changed with the facts.

    `sees_more`: Shopify now shows orders that it kept from us before. `other_api`: it serves
    another version of its API than last time.
    """

    version: int | None = None
    sees_more: bool = False
    other_api: bool = False


async def save_shop(
    tx: Transaction, tenant_id: UUID, shop: ShopFacts, *, with_history: bool
) -> ShopChange:
    """Newest wins. `history_since` stays without `with_history`, for whoever reads what came new.

    Days are cut anew for a new zone. History that was once seen stays.
    """
    shops = store.shops
    columns = (shops.c.zone, shops.c.currency, shops.c.history_since, shops.c.served_version)
    held = select(*columns).where(shops.c.tenant_id == tenant_id)
    before = (await tx.execute(held.with_for_update())).one_or_none()
    shop = await _with_known_zone(tx, tenant_id, shop)
    written = await _write(tx, tenant_id, shop, with_history=with_history)
    if before is None or not written:
        return ShopChange(other_api=before is None)
    version = None
    if before.zone != shop.zone:
        version = await recut(tx, tenant_id)
    elif before.currency != shop.currency:
        # An order keeps the currency it was placed in; what is shown first follows the shop's.
        await lock_tenants(tx, [tenant_id])
        version = (await raise_versions(tx, [tenant_id]))[tenant_id]
    return ShopChange(
        version,
        sees_more=before.history_since is not None and shop.sees_all_orders,
        other_api=before.served_version != shop.served_version,
    )


async def _with_known_zone(tx: Transaction, tenant_id: UUID, shop: ShopFacts) -> ShopFacts:
    """One shop's zone must not stop the days of all: the doctor says whose days are in UTC."""
    zone = await known_zone(tx, shop.zone)
    if zone is not None:
        await forget_unreadable(tx, tenant_id, *_ZONE)
        return replace(shop, zone=zone)
    log.error("shop_zone_unknown", tenant_id=str(tenant_id), zone=shop.zone)
    topic, field = _ZONE
    await count_unreadable(tx, {(tenant_id, topic): {field: 1}}, utc_now())
    return replace(shop, zone=FALLBACK)


async def _write(tx: Transaction, tenant_id: UUID, shop: ShopFacts, *, with_history: bool) -> bool:
    shops = store.shops
    values = {
        "shopify_id": shop.id,
        "domain": shop.domain,
        "name": shop.name,
        "currency": shop.currency,
        "zone": shop.zone,
        "plan": shop.plan,
        "taxes_included": shop.taxes_included,
        "served_version": shop.served_version,
        "observed_at": shop.observed_at,
    }
    since = None if shop.sees_all_orders else (shop.observed_at - _UNSEEN_HISTORY).date()
    statement = insert(shops).values(tenant_id=tenant_id, history_since=since, **values)
    new = statement.excluded
    changes = {**{name: new[name] for name in values}, "updated_at": utc_now()}
    if with_history:
        changes["history_since"] = (
            func.least(shops.c.history_since, new.history_since) if since else None
        )
    written = statement.on_conflict_do_update(
        index_elements=["tenant_id"], set_=changes, where=shops.c.observed_at <= new.observed_at
    )
    return (await tx.execute(written)).rowcount == 1


def tell_of_version(changed: ShopChange, shop: ShopFacts, asked: str) -> None:
    """Once for each change, and not at each answer."""
    if changed.other_api and shop.served_version not in (None, asked):
        log.warning("shopify_serves_other_version", asked=asked, served=shop.served_version)
