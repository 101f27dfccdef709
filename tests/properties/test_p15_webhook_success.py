# Feature: shopify-multi-tenant-dashboard, Property 15: For any successfully processed webhook, the system should respond with HTTP status 200.
"""A delivery that is taken is answered with exactly 200, once it is safe in a queue."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.webhooks.running import Service
from tests.integration.webhooks.shopify import headers
from tests.properties.lanes import Lanes
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant(
    "services/webhooks/answers.py",
    '    await send({"type": "http.response.start", "status": 200, "headers": head})',
    '    await send({"type": "http.response.start", "status": 202, "headers": head})',
)
# Path, topic: one address for all, one for each topic, the seed's own name of one, the law's.
PLACES = (
    ("/webhooks", "orders/create"),
    ("/webhooks/", "products/delete"),
    ("/webhooks/orders/create", "orders/create"),
    ("/webhooks/orders/update", "orders/updated"),
    ("/webhooks/customers/create", "customers/create"),
    ("/webhooks/compliance", "customers/redact"),
    ("/webhooks", "app/uninstalled"),
    ("/webhooks", "a_topic_of.tomorrow/happened"),
)
# Nobody has to understand it: what is no JSON is set aside later, and is taken all the same.
insides = st.binary(max_size=300) | st.sampled_from([b"", b"[" * 500, b"x" * 200_000])
bodies = insides.map(lambda inside: b"{" + inside + b"}")


@PROPERTY
@given(
    deliveries=st.lists(st.tuples(st.sampled_from(PLACES), bodies), min_size=1, max_size=4),
    repeats=st.integers(1, 2),
)
async def test_a_delivery_that_is_taken_is_answered_with_200(
    store: Store,
    webhooks: Service,
    lanes: Lanes,
    deliveries: list[tuple[tuple[str, str], bytes]],
    repeats: int,
):
    [tenant] = await store.connect([ShopKind()])
    requests = []
    expected = []
    for (path, topic), body in deliveries:
        told = headers(f"{tenant}.myshopify.com", body, topic=topic)
        for _ in range(repeats):
            requests.append(webhooks.http.post(path, content=body, headers=told))
            expected.append((told["X-Shopify-Webhook-Id"], topic, body))

    answers = await asyncio.gather(*requests)

    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * len(
        answers
    )
    records = await lanes.take(len(expected))
    assert sorted((one.id, one.type, one.body) for one in records) == sorted(expected)
    assert await webhooks.spooled() == 0
