"""What a merchant may set about the ingestion of the own shop."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from libs.common.database.transaction import Transaction
from libs.common.errors import TenantNotFoundError
from services.ingestor import repository
from services.ingestor.store.recut import recut
from services.ingestor.store.tenants import lock_tenants


class SettingsChange(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)

    pull_interval_minutes: Annotated[int | None, Field(ge=5, le=1440)] = None
    include_test_orders: bool | None = None
    paused: bool | None = None


async def change_settings(tx: Transaction, tenant_id: UUID, change: SettingsChange) -> None:
    """Figures follow a new choice about test orders in this transaction.

    A pause lets a running pull go on; its end makes the tenant due at once. Raises
    TenantNotFoundError, and ShopFactsMissingError while the shop's facts have not arrived.
    """
    # Schedule, shop, then the tenant's lock: in the order of a pull nobody can deadlock.
    if change.pull_interval_minutes is not None or change.paused is not None:
        minutes = change.pull_interval_minutes
        if not await repository.set_schedule(tx, tenant_id, minutes, paused=change.paused):
            raise TenantNotFoundError("There is nothing to pull: the shop was never connected.")
    if change.include_test_orders is not None:
        changed = await repository.set_test_orders(
            tx, tenant_id, include=change.include_test_orders
        )
        await (recut(tx, tenant_id) if changed else lock_tenants(tx, [tenant_id]))
