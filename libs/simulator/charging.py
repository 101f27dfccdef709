"""Charges a query to the shop's bucket, and refuses what costs too much."""

from collections.abc import Sequence
from typing import Any

from libs.simulator.costs import MOST_FOR_ONE_QUERY, Piece, actual_cost, requested_cost
from libs.simulator.plans import PLANS
from libs.simulator.shops import Shop

Answer = dict[str, Any]

_LIMITS_PAGE = "https://shopify.dev/api/usage/rate-limits"


class Charge:
    """One query's account. Only the fault `throttle` lets it empty the shop's bucket; without it
    every query finds the bucket full, so that no figure depends on what was asked before."""

    def __init__(self, shop: Shop, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._requested = requested_cost(pieces)
        self._rate = PLANS[shop.facts.plan].points
        self._bucket = shop.buckets.points(shop.facts.plan) if shop.faults.throttle else None
        self._faults = shop.faults

    def refusal(self) -> Answer | None:
        """What to answer instead of running the query; None when it was charged and may run."""
        if self._requested > MOST_FOR_ONE_QUERY:
            return _too_dear(self._requested)
        if self._faults.takes_one("throttled"):
            return _throttled(self._cost(None, 0.0))
        if self._bucket is None or self._bucket.take(self._requested):
            return None
        return _throttled(self._cost(None, self._bucket.available()))

    def settled(self, data: Answer | None) -> Answer:
        """The `cost` of the answer. Gives back what was asked for and did not come."""
        actual = actual_cost(self._pieces, data)
        if self._bucket is None:
            return self._cost(actual, self._rate.capacity - actual)
        self._bucket.give_back(self._requested - actual)
        return self._cost(actual, self._bucket.available())

    def _cost(self, actual: int | None, available: float) -> Answer:
        return {
            "requestedQueryCost": self._requested,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": float(self._rate.capacity),
                "currentlyAvailable": int(available),
                "restoreRate": float(self._rate.per_second),
            },
        }


def _throttled(cost: Answer) -> Answer:
    extensions = {"code": "THROTTLED", "documentation": _LIMITS_PAGE}
    return {
        "errors": [{"message": "Throttled", "extensions": extensions}],
        "extensions": {"cost": cost},
    }


def _too_dear(cost: int) -> Answer:
    message = (
        f"Query cost is {cost}, which exceeds the single query max cost limit "
        f"({MOST_FOR_ONE_QUERY}). See {_LIMITS_PAGE} for how the cost of a query is calculated. "
        "To query larger amounts of data with fewer limits, use a bulk operation."
    )
    extensions = {
        "code": "MAX_COST_EXCEEDED",
        "cost": cost,
        "maxCost": MOST_FOR_ONE_QUERY,
        "documentation": _LIMITS_PAGE,
    }
    return {"errors": [{"message": message, "extensions": extensions}]}
