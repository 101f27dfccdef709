# Feature: shopify-multi-tenant-dashboard, Property 22: For any top customers request, the system should return at most five customers with their identifiers and revenue totals.
"""Never more than five top customers, each with an id and a revenue."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.ingestor.facts import Observation
from tests.integration.analytics.conftest import Analytics
from tests.properties.histories import make_order
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import Store
from tests.properties.values import START, Chance

MUTANT = Mutant(
    "services/analytics/routes.py",
    "most = min(limit, answers.MOST_TOP_CUSTOMERS)",
    "most = limit",
)


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 8),
    limit=st.none() | st.integers(1, 9) | st.integers(1, 2**31),
)
async def test_at_most_five_are_told(
    store: Store, analytics: Analytics, seed: int, count: int, limit: int | None
):
    """`count` customers, each with two orders."""
    chance = Chance(seed)
    kind = chance.shop()
    [tenant] = await store.connect([kind])
    customers = chance.some(count)
    orders = [
        msgspec.structs.replace(
            make_order(chance, number, START, owner), currency=kind.currency, test=False
        )
        for number, owner in enumerate(customers * 2, 1)
    ]
    if orders:
        await store.apply(
            [Observation(tenant_id=tenant, fact=o, observed_at=START) for o in orders]
        )

    asked = {} if limit is None else {"limit": str(limit)}
    answer = await analytics.ask(tenant, "top-customers", **asked)

    told = [int(one["customerId"]) for one in answer["customers"]]
    assert len(told) == len(set(told)) == min(5, limit or 5, count)
    assert set(told) <= set(customers)
    for one in answer["customers"]:
        assert Decimal(one["totalRevenue"]) >= 0
        assert one["orderCount"] == 2
