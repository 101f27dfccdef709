# Feature: shopify-multi-tenant-dashboard, Property 8: For any order in the database with a non-null customer identifier, that customer must exist in the database for the same tenant.
"""Whatever arrives, and in whatever order: the customer of an order is there, in its tenant."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.ingestor.facts import Deletion, Fact, Observation
from tests.properties.histories import make_customer, make_order
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store
from tests.properties.values import IDS, START, Chance

MUTANT = Mutant(
    "services/ingestor/store/apply.py",
    "    changed = await add_stand_ins(tx, batch.orders)",
    "    changed: set[UUID] = set()",
)


def _observation(chance: Chance, tenants: list[UUID]) -> Observation:
    """Of one of a few orders and customers: each copy of an order may name another customer."""
    number, at = chance.choice(IDS[-3:]), START + timedelta(minutes=chance.randrange(5))
    fact: Fact
    match chance.randrange(5):
        case 0:
            fact = make_customer(chance, number, at)
        case 1:
            fact = Deletion(entity=chance.choice(("customers", "orders")), id=number)
        case _:
            fact = make_order(chance, number, at, chance.choice((None, *IDS[-4:])))
    return Observation(
        tenant_id=chance.choice(tenants),
        fact=fact,
        observed_at=START + timedelta(seconds=chance.randrange(10_000)),
        pulled=chance.random() < 0.3,
    )


@PROPERTY
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 8), min_size=1, max_size=3))
async def test_the_customer_of_an_order_is_there(store: Store, seed: int, sizes: list[int]):
    chance = Chance(seed)
    tenants = await store.connect([ShopKind(), ShopKind()])

    for size in sizes:
        await store.apply([_observation(chance, tenants) for _ in range(size)])

    orders = await store.read(tenants, "SELECT tenant_id, customer_id FROM store.orders")
    customers = await store.read(tenants, "SELECT tenant_id, id FROM store.customers")
    named = {tuple(row) for row in orders if row["customer_id"] is not None}
    assert named <= set(map(tuple, customers))


@PROPERTY
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6))
async def test_an_order_keeps_the_customer_that_its_newest_copy_names(
    store: Store, seed: int, count: int
):
    chance = Chance(seed)
    tenants = await store.connect([ShopKind()])
    copies = [
        make_order(chance, 7, START + timedelta(minutes=n), chance.choice((None, *IDS)))
        for n in range(count)
    ]

    for copy in chance.sample(copies, count):
        seen = Observation(tenant_id=tenants[0], fact=copy, observed_at=START)
        await store.apply([seen])

    [row] = await store.read(tenants, "SELECT customer_id FROM store.orders")
    assert row["customer_id"] == copies[-1].customer_id
