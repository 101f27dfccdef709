"""What oauth does with each delivery of the tenancy lane. A repeated delivery changes nothing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction
from libs.common.errors import MessageMalformedError, PermanentError
from libs.common.logs import get_logger
from libs.common.messaging.records import DeliveryRecord
from services.oauth import departures, repository
from services.oauth.repository import Shop

Handler = Callable[[Transaction, DeliveryRecord, Shop], Awaitable[None]]

_WHOLE_SECOND = timedelta(seconds=1)
_REDACTED_AFTER = timedelta(hours=48)
"""How long after an uninstall Shopify sends shop/redact."""

log = get_logger()


class Deliveries:
    """Applies a batch in one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def apply(self, records: Sequence[DeliveryRecord]) -> None:
        """Raises PermanentError for a topic without a handler and for a body that misses it."""

        async def work(tx: Transaction) -> None:
            # Shops are locked in one order, or two batches could wait for each other.
            for record in sorted(records, key=lambda record: (record.tenant_id, record.time)):
                await _apply(tx, record)

        await in_transaction(self._engine, work)


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


async def _disconnect(tx: Transaction, _record: DeliveryRecord, shop: Shop) -> None:
    await departures.disconnect(tx, shop, "app_uninstalled")


async def _redact(tx: Transaction, record: DeliveryRecord, shop: Shop) -> None:
    if await _came_back(tx, record, shop):
        log.warning("shop_redact_of_a_connected_shop_ignored", delivery_id=record.id)
    else:
        await departures.begin_erasure(tx, shop, "shop_redact")


async def _came_back(tx: Transaction, record: DeliveryRecord, shop: Shop) -> bool:
    """Whether the app was installed again since the uninstall that `record` is about."""
    if shop.status == "active":
        return True
    pair = await repository.credentials_of(tx, shop.tenant_id)
    return pair is not None and pair.installed_at > record.time - _REDACTED_AFTER


class _ScopesUpdate(BaseModel):
    current: list[str]


async def _update_scopes(tx: Transaction, record: DeliveryRecord, shop: Shop) -> None:
    try:
        update = _ScopesUpdate.model_validate_json(record.body)
    except ValidationError:
        # Without its cause, which shows the body.
        raise MessageMalformedError("not a scopes update", reason="scopes_malformed") from None
    await repository.set_scopes(tx, shop.tenant_id, sorted(set(update.current)))


_HANDLERS: Mapping[str, Handler] = {
    "app/uninstalled": _disconnect,
    "app/scopes_update": _update_scopes,
    "shop/redact": _redact,
}
