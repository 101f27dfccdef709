"""A killed simulator comes back with everything it had answered for."""

from pathlib import Path

from tests.integration.simulator.conftest import small_shop
from tests.integration.simulator.driver import Process, Simulator

SHOP = "restarted.myshopify.com"


SHOWN = ("/truth", "/subscriptions")


async def _busy_shop(simulator: Simulator) -> list[str]:
    """Orders made, refunded and deleted; the numbers of all three."""
    await simulator.install()
    created = await simulator.order(customer={"firstName": "Ada"})
    refunded = await simulator.order()
    await simulator.control("POST", f"/orders/{refunded['id']}/refund", {"amount": "5.00"})
    deleted = await simulator.order()
    await simulator.control("DELETE", f"/orders/{deleted['id']}")
    await simulator.control("PATCH", "", {"name": "Renamed"})
    await simulator.subscribe("ORDERS_CREATE", "https://app.example.com/webhooks")
    return [order["id"] for order in (created, refunded, deleted)]


async def test_changes_tokens_and_subscriptions_survive_a_kill(tmp_path: Path):
    process = Process(tmp_path / "data", small_shop(tmp_path, SHOP)).start()
    async with Simulator(process.base, SHOP) as before:
        numbers = await _busy_shop(before)
        shown = [await before.control("GET", path) for path in SHOWN]
        orders = [await before.control("GET", f"/orders/{number}") for number in numbers[:2]]
    process.kill()

    process.start()
    async with Simulator(process.base, SHOP) as after:
        after.headers = before.headers
        assert [await after.control("GET", path) for path in SHOWN] == shown
        assert [await after.control("GET", f"/orders/{one['id']}") for one in orders] == orders
        await after.control("GET", f"/orders/{numbers[2]}", status=404)
        assert await after.graphql("{ shop { name } }") == {"shop": {"name": "Renamed"}}
        assert int((await after.order())["id"]) > max(map(int, numbers))
    assert process.stop() == 0


async def test_the_file_of_a_bulk_operation_survives_a_kill(tmp_path: Path):
    process = Process(tmp_path / "data", small_shop(tmp_path, SHOP)).start()
    async with Simulator(process.base, SHOP) as before:
        await before.install()
        operation = await before.run_bulk("{ orders { edges { node { id } } } }")
    process.kill()

    process.start()
    async with Simulator(process.base, SHOP) as after:
        after.headers = before.headers
        kept = await after.bulk(operation["id"])
        file = await after.http.get(kept["url"])

        assert len(file.text.splitlines()) == 4
    process.stop()


async def test_a_line_cut_short_by_a_kill_is_the_only_one_lost(tmp_path: Path):
    process = Process(tmp_path / "data", small_shop(tmp_path, SHOP)).start()
    async with Simulator(process.base, SHOP) as before:
        order = await before.order()
    process.kill()
    journal = tmp_path / "data/journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'["restarted.myshopify.com","order","4')

    process.start()
    async with Simulator(process.base, SHOP) as after:
        await after.control("GET", f"/orders/{order['id']}", status=200)
        second = await after.order()
    process.kill()
    process.start()
    async with Simulator(process.base, SHOP) as again:
        await again.control("GET", f"/orders/{second['id']}", status=200)
    process.stop()
