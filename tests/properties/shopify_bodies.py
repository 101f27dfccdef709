"""Objects as Shopify writes them: in the body of a delivery, and in a line of a bulk file."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.messaging.publisher import Publisher
from libs.common.messaging.records import DeliveryRecord
from services.ingestor.facts import Observation
from services.ingestor.shopify.decode import decode
from services.ingestor.shopify.jsonl import Joined
from tests.factories import new_delivery
from tests.integration.ingestor.handling import handle_all
from tests.properties.store import Store
from tests.properties.values import Chance


@dataclass(frozen=True, slots=True)
class Original:
    """One object of a shop. `delivery` and `lines` say the same in Shopify's two languages."""

    topic: str
    delivery: dict[str, Any]
    lines: Sequence[dict[str, Any]]
    expected: tuple[Any, ...]


async def ingest(
    store: Store,
    publisher: Publisher,
    tenant_id: UUID,
    originals: Sequence[Original],
    *,
    live: bool,
) -> None:
    """By webhook, or as a pull reads them."""
    if live:
        records = [_record(tenant_id, original) for original in originals]
        await handle_all(store.engine, records, publisher)
    else:
        await store.apply([_pulled(tenant_id, original) for original in originals])


def _record(tenant_id: UUID, original: Original) -> DeliveryRecord:
    moment = utc_now() - timedelta(minutes=1)
    body = json.dumps(original.delivery).encode()
    return new_delivery(tenant_id, original.topic, body, time=moment)


def _pulled(tenant_id: UUID, original: Original) -> Observation:
    root, *children = [json.dumps(line, ensure_ascii=False).encode() for line in original.lines]
    seen = utc_now()
    fact = decode(original.topic.partition("/")[0], Joined(root, children), seen, Counter())
    assert fact is not None
    return Observation(
        tenant_id=tenant_id,
        fact=fact,
        observed_at=seen,
        pulled=True,
    )


def text(chance: Chance) -> str:
    """A text as people type it, rarely with the one character that PostgreSQL cannot hold."""
    found = chance.name() or "x"
    return f"{found}\0{found}" if chance.random() < 0.1 else found


def kept(given: str | None) -> str | None:
    return None if given is None else given.replace("\0", "")


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def money(amount: Decimal) -> str:
    """Shopify writes plain digits."""
    return f"{amount:f}"


def both(amount: Decimal) -> dict[str, Any]:
    told = {"amount": money(amount), "currencyCode": "USD"}
    return {"shopMoney": told, "presentmentMoney": told}
