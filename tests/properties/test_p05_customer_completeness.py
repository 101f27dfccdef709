# Feature: shopify-multi-tenant-dashboard, Property 5: For any customer retrieved from Shopify, the stored record should contain all required fields: unique identifier, email, name, and tenant identifier.
"""Of every customer that Shopify tells of, id, e-mail, name and tenant are kept."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.common.messaging.publisher import Publisher
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.shopify_bodies import Original, gid, ingest, kept, text
from tests.properties.store import ShopKind, Store
from tests.properties.values import Chance

MUTANT = Mutant(
    "services/ingestor/deliveries/decode.py",
    "        email=body.email,",
    "        email=None,",
)


def _customer(chance: Chance, number: int) -> Original:
    first, last = chance.choice((None, text(chance))), chance.choice((None, text(chance)))
    # Shopify has no e-mail of some, and shows none of theirs to apps without the right to it.
    email = chance.choice((None, f"{number}+ö@example.com"))
    times = {"created_at": "2026-03-01T10:00:00-05:00", "updated_at": "2026-03-02T12:00:00Z"}
    name: dict[str, Any] = {"first_name": first, "last_name": last}
    line = {
        "__typename": "Customer",
        "id": gid("Customer", number),
        "createdAt": times["created_at"],
        "updatedAt": times["updated_at"],
        "firstName": first,
        "lastName": last,
        "defaultEmailAddress": None if email is None else {"emailAddress": email},
    }
    return Original(
        chance.choice(("customers/create", "customers/update")),
        {"id": number, "email": email, "note": "unused", **name, **times},
        [line],
        (number, email, kept(first), kept(last)),
    )


@PROPERTY
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6), live=st.booleans())
async def test_everything_that_is_required_of_a_customer_is_kept(
    store: Store, publisher: Publisher, seed: int, count: int, live: bool
):
    chance = Chance(seed)
    tenants = await store.connect([ShopKind(), ShopKind()])
    originals = [_customer(chance, number) for number in chance.some(count)]

    await ingest(store, publisher, tenants[0], originals, live=live)

    rows = await store.read(
        tenants, "SELECT tenant_id, id, email, first_name, last_name FROM store.customers"
    )
    expected = [(tenants[0], *original.expected) for original in originals]
    assert sorted(map(tuple, rows), key=repr) == sorted(expected, key=repr)
