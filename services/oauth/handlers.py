"""What oauth does with each delivery of the tenancy lane. A repeated delivery changes nothing.

A delivery that says the shop has left is kept as a row of work: Shopify is asked before anything
happens (see `offboarding`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction, in_transaction
from libs.common.errors import MessageMalformedError, PermanentError
from libs.common.ids import global_id
from libs.common.logs import get_logger
from libs.common.messaging.records import NO_TENANT, DeliveryRecord
from libs.common.security_events import SecurityEvent, record_security_event
from services.oauth import departures, erasures, repository
from services.oauth.repository import Shop

Handler = Callable[[Transaction, DeliveryRecord, Shop], Awaitable[None]]
_Shape = TypeVar("_Shape", bound=BaseModel)

_WHOLE_SECOND = timedelta(seconds=1)

log = get_logger()


class ShopMismatchError(PermanentError):
    """A signed body whose shop is not the one that the delivery's headers name."""


class Deliveries:
    """Applies a batch in one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def apply(self, records: Sequence[DeliveryRecord]) -> None:
        """Raises PermanentError for a topic without a handler, and for a body that misses its
        topic or names another shop.
        """

        async def work(tx: Transaction) -> None:
            # Shops are locked in one order, or two batches could wait for each other.
            for record in sorted(
                await _with_tenants(tx, records), key=lambda record: (record.tenant_id, record.time)
            ):
                await _apply(tx, record)

        try:
            await in_transaction(self._engine, work)
        except ShopMismatchError as error:
            if len(records) == 1:  # Else the batch is halved, and the record comes again.
                _record_mismatch(records[0], error)
            raise


async def _with_tenants(tx: Transaction, records: Sequence[DeliveryRecord]) -> list[DeliveryRecord]:
    """Looks up whose those are that the front door took while it could not know."""
    found: list[DeliveryRecord] = []
    for record in records:
        tenant_id = record.tenant_id
        if tenant_id == NO_TENANT:
            tenant_id = await repository.tenant_of(tx, record.source) or NO_TENANT
        found.append(replace(record, tenant_id=tenant_id))
    return found


def _record_mismatch(record: DeliveryRecord, error: ShopMismatchError) -> None:
    record_security_event(
        SecurityEvent.DELIVERY_FORGED,
        tenant_id=record.tenant_id,
        topic=record.type,
        delivery_id=record.id,
        reason=error.context["reason"],
    )


async def _apply(tx: Transaction, record: DeliveryRecord) -> None:
    handler = _HANDLERS.get(record.type)
    if handler is None:
        raise PermanentError("no handler for this topic", reason="topic_not_handled")
    shop = await repository.lock_shop(tx, record.tenant_id)
    if shop is None:
        log.info("delivery_of_no_tenant_ignored", delivery_id=record.id, topic=record.type)
    elif await _is_of_an_earlier_install(tx, record, shop):
        log.info("delivery_before_install_ignored", delivery_id=record.id, topic=record.type)
    else:
        await handler(tx, record, shop)


async def _is_of_an_earlier_install(tx: Transaction, record: DeliveryRecord, shop: Shop) -> bool:
    """An uninstall that arrives after a quick reinstall must not undo it.

    Shopify dates an install by whole seconds only. Within that second the delivery is taken to be
    of the earlier install where there was one: were it of this one, the tokens would be refused,
    which is seen at their next use.
    """
    pair = await repository.credentials_of(tx, record.tenant_id)
    if pair is None:
        return False
    doubt = _WHOLE_SECOND if shop.was_reconnected else timedelta(0)
    return record.time < pair.installed_at + doubt


class _Uninstalled(BaseModel):
    """The Shop resource. Shopify's own sample leaves the domain empty."""

    model_config = ConfigDict(strict=True)

    id: int
    myshopify_domain: str | None


class _Redact(BaseModel):
    model_config = ConfigDict(strict=True)

    shop_id: int
    shop_domain: str


async def _note_uninstall(tx: Transaction, record: DeliveryRecord, shop: Shop) -> None:
    body = _decoded(_Uninstalled, record)
    _check_names(shop, body.id, body.myshopify_domain)
    await departures.add(tx, shop.tenant_id, "uninstall", record.id, utc_now())


async def _note_redact(tx: Transaction, record: DeliveryRecord, shop: Shop) -> None:
    body = _decoded(_Redact, record)
    _check_names(shop, body.shop_id, body.shop_domain)
    if await erasures.erasure_of(tx, shop.tenant_id) is None:
        await departures.add(tx, shop.tenant_id, "redact", record.id, utc_now())


def _check_names(shop: Shop, shop_id: int, domain: str | None) -> None:
    """The header that named the shop is not signed; the body is. Raises ShopMismatchError.

    What the body says must agree with what is known, and something of it must be known.
    """
    agrees = [domain.lower() == shop.domain] if domain is not None else []
    if shop.shop_id is not None:
        agrees.append(shop_id == shop.shop_id)
    if not agrees or not all(agrees):
        raise ShopMismatchError("the body names another shop", reason="shop_mismatch")


def _decoded(shape: type[_Shape], record: DeliveryRecord) -> _Shape:
    try:
        return shape.model_validate_json(record.body)
    except ValidationError:
        # Without its cause, which shows the body.
        raise MessageMalformedError("not a body of its topic", reason="body_malformed") from None


class _ScopesUpdate(BaseModel):
    """`shop_id` is a global id, as in Shopify's sample."""

    shop_id: str
    current: list[str]


async def _update_scopes(tx: Transaction, record: DeliveryRecord, shop: Shop) -> None:
    update = _decoded(_ScopesUpdate, record)
    if shop.shop_id is not None and update.shop_id != global_id("Shop", shop.shop_id):
        raise ShopMismatchError("the body names another shop", reason="shop_mismatch")
    await repository.set_scopes(tx, shop.tenant_id, sorted(set(update.current)))


_HANDLERS: Mapping[str, Handler] = {
    "app/uninstalled": _note_uninstall,
    "app/scopes_update": _update_scopes,
    "shop/redact": _note_redact,
}
