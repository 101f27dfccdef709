"""Objects by their ids: null where they are gone, and where the app may not see them."""

from tests.integration.simulator.driver import SCOPES, Simulator

_NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
_EVERYTHING = "{ orders(first: 250) { nodes { id } } products(first: 1) { nodes { id } } }"


async def test_nodes_are_null_where_they_are_gone_or_not_for_the_app(simulator: Simulator):
    await simulator.install(SCOPES)
    shown = (await simulator.ask(_EVERYTHING)).json()["data"]
    old = [node["id"] for node in shown["orders"]["nodes"]]
    product = shown["products"]["nodes"][0]["id"]
    every = await simulator.ask(_NODES, ids=[*old, product])
    assert every.json()["data"]["nodes"] == [{"id": each} for each in (*old, product)]

    await simulator.install("read_orders")
    recent = f"gid://shopify/Order/{(await simulator.order())['id']}"
    absent = ["gid://shopify/Order/1", product, "gid://shopify/Nonsense/1"]
    answer = await simulator.ask(_NODES, ids=[*old, recent, *absent])

    assert old
    assert answer.json()["data"]["nodes"] == [
        *([None] * len(old)),
        {"id": recent},
        *([None] * len(absent)),
    ]
