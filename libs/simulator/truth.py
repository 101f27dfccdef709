"""The truth about a shop, to hold the product's figures against."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from libs.common.errors import InvalidInputError
from libs.simulator.money import rest_amount
from libs.simulator.shops import Shop

_TOP = 5
_MOST_DAYS = 36_600


def truth(shop: Shop, query: Mapping[str, str]) -> dict[str, Any]:
    """`from` and `to` (YYYY-MM-DD, both included) add the days; one missing is left open."""
    totals = shop.totals
    first, last = totals.first_and_last_day()
    limit = _top(query.get("top", str(_TOP)))
    answer: dict[str, Any] = {
        "shop": shop.domain,
        "currency": shop.facts.currency,
        "zone": shop.facts.zone,
        "orders": totals.all.orders,
        "customers": len(shop.customers),
        "products": len(shop.products),
        "units": totals.units,
        "revenue": rest_amount(totals.all.revenue),
        "firstOrderDate": first.isoformat() if first else None,
        "lastOrderDate": last.isoformat() if last else None,
        "topCustomers": [
            {
                "id": str(customer.id),
                "name": customer.name,
                "email": customer.email,
                "orders": tally.orders,
                "revenue": rest_amount(tally.revenue),
            }
            for customer, tally in totals.top_customers(shop.customers, limit)
        ],
    }
    if "from" in query or "to" in query:
        answer["days"] = _days(shop, _date(query, "from") or first, _date(query, "to") or last)
    return answer


def _days(shop: Shop, first: date | None, last: date | None) -> list[dict[str, Any]]:
    if first is None or last is None:
        return []
    if (last - first).days > _MOST_DAYS:
        raise InvalidInputError(f"at most {_MOST_DAYS} days at once")
    return [
        {"date": day.isoformat(), "orders": tally.orders, "revenue": rest_amount(tally.revenue)}
        for day, tally in shop.totals.by_day(first, last)
    ]


def _date(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(f"{name} {text!r} is not a date like 1997-01-31") from error


def _top(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InvalidInputError("top must be a whole number")
    return int(text)
