"""What oauth does with each delivery of the tenancy lane. A repeated delivery changes nothing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import Transaction, in_transaction
from libs.common.errors import MessageMalformedError, PermanentError
from libs.common.events.contracts import TenantDisconnected
from libs.common.logs import get_logger
from libs.common.messaging.records import DeliveryRecord
from services.oauth import repository
from services.oauth.repository import Shop

Handler = Callable[[Transaction, DeliveryRecord, Shop], Awaitable[None]]

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
    elif await _is_of_an_earlier_install(tx, record):
        log.info("delivery_before_install_ignored", delivery_id=record.id, topic=record.type)
    else:
        await handler(tx, record, shop)


async def _is_of_an_earlier_install(tx: Transaction, record: DeliveryRecord) -> bool:
    """An uninstall that arrives after a quick reinstall must not undo it."""
    pair = await repository.credentials_of(tx, record.tenant_id)
    return pair is not None and record.time < pair.installed_at


async def _disconnect(tx: Transaction, record: DeliveryRecord, shop: Shop) -> None:
    if shop.status == "disconnected":
        return
    await repository.set_status(tx, shop.tenant_id, "disconnected")
    event = TenantDisconnected(tenant_id=shop.tenant_id, reason="app_uninstalled")
    await repository.add_to_outbox(tx, event)
    log.info("shop_disconnected", tenant_id=shop.tenant_id, delivery_id=record.id)


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
}
