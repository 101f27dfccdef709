"""Small facts for tests: everything has a plain default, times are minutes after one moment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.ingestor.facts import (
    Customer,
    Deletion,
    Fact,
    Observation,
    Order,
    OrderLine,
    Product,
    Refund,
)

START = datetime(2026, 3, 7, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def seen(
    tenant_id: UUID, fact: Fact, minutes: float | None = None, *, pulled: bool = False
) -> Observation:
    """`fact` as seen at `minutes`; by default a second after it was updated."""
    if minutes is None:
        updated = START if isinstance(fact, Refund | Deletion) else fact.updated_at
        moment = updated + timedelta(seconds=1)
    else:
        moment = at(minutes)
    return Observation(tenant_id=tenant_id, fact=fact, observed_at=moment, pulled=pulled)


def customer(number: int, version: float = 0, **values: Any) -> Customer:
    defaults: dict[str, Any] = {
        "email": f"person{number}@example.com",
        "first_name": "Ada",
        "last_name": f"v{version}",
        "created_at": START,
    }
    return Customer(id=number, updated_at=at(version), **(defaults | values))


def product(number: int, version: float = 0, **values: Any) -> Product:
    defaults: dict[str, Any] = {
        "title": f"Cup v{version}",
        "handle": "cup",
        "vendor": None,
        "status": "active",
        "price": Decimal("4.50"),
        "created_at": START,
    }
    return Product(id=number, updated_at=at(version), **(defaults | values))


def line(number: int, price: str = "10.00", quantity: int = 1, **values: Any) -> OrderLine:
    defaults: dict[str, Any] = {
        "product_id": 500 + number,
        "variant_id": None,
        "title": f"Cup {number}",
        "sku": None,
        "current_quantity": quantity,
        "discounts": Decimal(0),
    }
    total = Decimal(price) * quantity
    return OrderLine(id=number, quantity=quantity, total=total, **(defaults | values))


def order(number: int, version: float = 0, **values: Any) -> Order:
    """Its total is that of its lines, by default one of 10.00."""
    lines = values.pop("lines", (line(1),))
    total = values.pop("total", sum((each.total for each in lines), Decimal(0)))
    defaults: dict[str, Any] = {
        "name": f"#{number}",
        "customer_id": 7,
        "customer": None,
        "processed_at": START,
        "currency": "EUR",
        "presentment_currency": "EUR",
        "current_total": total,
        "presentment_total": total,
        "subtotal": total,
        "discounts": Decimal(0),
        "taxes": Decimal(0),
        "shipping": Decimal(0),
        "financial_status": "paid",
        "fulfillment_status": None,
        "test": False,
        "cancelled_at": None,
        "created_at": START,
    }
    return Order(id=number, updated_at=at(version), total=total, lines=lines, **(defaults | values))


def refund(number: int, order_id: int, amount: str | None = "3.00", minutes: float = 0) -> Refund:
    told = None if amount is None else Decimal(amount)
    return Refund(id=number, order_id=order_id, created_at=at(minutes), amount=told)
