"""Variants, collections, what is in them, inventory items and levels are those of the shop: after
the backfill, after a change that no delivery told of, and after a loss that only a whole pull sees.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.messaging.publisher import Publisher
from tests.integration.pulls.simulated import SCOPES, InstalledShops, Simulator, simulator
from tests.integration.pulls.tenants import PulledTenant, working

SHOP = "bluebird-supply.myshopify.com"
ALL_SCOPES = f"{SCOPES},read_inventory,read_locations"
MOST_A_PAGE = 250
OURS = {
    "product_variants": """SELECT id, product_id, title, sku, price, compare_at_price, position,
        inventory_item_id, inventory_quantity, barcode, created_at, updated_at
        FROM store.product_variants""",
    "collections": "SELECT id, title, handle, updated_at FROM store.collections",
    "collection_products": "SELECT collection_id, product_id FROM store.collection_products",
    "inventory_items": """SELECT id, sku, tracked, requires_shipping, unit_cost, currency,
        created_at, updated_at FROM store.inventory_items""",
    "inventory_levels": """SELECT inventory_item_id, location_id, available, updated_at
        FROM store.inventory_levels""",
}
_VARIANTS = """legacyResourceId title sku price position inventoryQuantity createdAt updatedAt
    product { legacyResourceId }
    inventoryItem { legacyResourceId sku tracked requiresShipping createdAt updatedAt
        inventoryLevels(first: 9) { nodes { updatedAt location { legacyResourceId }
            quantities(names: ["available"]) { quantity } } } }"""
_PRODUCTS = "legacyResourceId collections(first: 20) { nodes { legacyResourceId } }"


class Shop:
    """As it shows itself to others: by other lists than those that a pull reads."""

    def __init__(self, shopify: Simulator, token: str) -> None:
        self._shopify = shopify
        self._token = token

    async def served(self) -> dict[str, set[tuple[Any, ...]]]:
        variants = await self._every("productVariants", _VARIANTS)
        items = [variant["inventoryItem"] for variant in variants]
        return {
            "product_variants": {_variant(each) for each in variants},
            "inventory_items": {_item(each) for each in items},
            "inventory_levels": {
                _level(item, level) for item in items for level in item["inventoryLevels"]["nodes"]
            },
            "collections": {
                (_id(each), each["title"], each["handle"], _time(each["updatedAt"]))
                for each in await self._every(
                    "collections", "legacyResourceId title handle updatedAt"
                )
            },
            "collection_products": {
                (_id(collection), _id(product))
                for product in await self._every("products", _PRODUCTS)
                for collection in product["collections"]["nodes"]
            },
        }

    async def change(self, method: str, path: str, body: Any = None) -> Any:
        return await self._shopify.ask(method, f"shops/{SHOP}/{path}", body)

    async def _every(self, root: str, fields: str) -> list[Any]:
        found, after = [], None
        query = f"""query ($after: String) {{ page: {root}(first: 100, after: $after) {{
            nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            while True:
                answer = await http.post(
                    f"{self._shopify.url}/{SHOP}/admin/api/2026-10/graphql.json",
                    json={"query": query, "variables": {"after": after}},
                    headers={"X-Shopify-Access-Token": self._token},
                )
                page = answer.json()["data"]["page"]
                found += page["nodes"]
                if not page["pageInfo"]["hasNextPage"]:
                    return found
                after = page["pageInfo"]["endCursor"]


def _id(node: Any) -> int:
    return int(node["legacyResourceId"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _variant(node: Any) -> tuple[Any, ...]:
    names = (_id(node), _id(node["product"]), node["title"], node["sku"])
    stock = (_id(node["inventoryItem"]), node["inventoryQuantity"], None)
    times = (_time(node["createdAt"]), _time(node["updatedAt"]))
    return (*names, Decimal(node["price"]), None, node["position"], *stock, *times)


def _item(node: Any) -> tuple[Any, ...]:
    facts = (node["sku"], node["tracked"], node["requiresShipping"], None, None)
    return (_id(node), *facts, _time(node["createdAt"]), _time(node["updatedAt"]))


def _level(item: Any, node: Any) -> tuple[Any, ...]:
    [available] = node["quantities"]
    return (_id(item), _id(node["location"]), available["quantity"], _time(node["updatedAt"]))


async def _kept(tenant: PulledTenant) -> dict[str, set[tuple[Any, ...]]]:
    return {
        name: {
            tuple(row.values()) for row in await tenant.rows(f"{query} WHERE deleted_at IS NULL")
        }
        for name, query in OURS.items()
    }


async def _is_as_served(tenant: PulledTenant, shop: Shop) -> None:
    kept, served = await _kept(tenant), await shop.served()
    for name, rows in served.items():
        assert kept[name] == rows, name
    assert await tenant.differences() == []


async def test_catalogue_and_stock_are_the_shops_whatever_no_delivery_told(
    engine: AsyncEngine, publisher: Publisher, tenant_id: UUID, tmp_path: Path
):
    tenant = PulledTenant(engine, tenant_id)
    await tenant.queue()
    async with simulator(tmp_path / "sim", "--generated", "3", "--size", "40") as shopify:
        token, shops = await shopify.install(SHOP, scopes=ALL_SCOPES), InstalledShops()
        shops.by_tenant[tenant.id] = token
        shop = Shop(shopify, token.access_token)
        async with working(engine, publisher, shopify, shops):
            assert (await tenant.until_ended())["state"] == "succeeded"
            await _is_as_served(tenant, shop)

            await _change(tenant, shop)
            await _forget_levels(tenant)
            assert (await tenant.next_pull())["scope"] == "changes"
            await _is_as_served(tenant, shop)

            await _lose(tenant, shop)
            await tenant.rows(
                "UPDATE store.pulls SET requested_at = requested_at - interval '8 days' RETURNING 1"
            )
            pull = await tenant.next_pull()
            await _is_as_served(tenant, shop)

    assert (pull["scope"], pull["state"]) == ("all", "succeeded")
    for name in OURS:
        assert await tenant.rows(f"SELECT 1 FROM store.{name} WHERE deleted_at IS NOT NULL"), name


async def _change(tenant: PulledTenant, shop: Shop) -> None:
    changed, other = (
        each["id"] for each in await tenant.rows("SELECT id FROM store.products LIMIT 2")
    )
    [collection] = await tenant.rows("SELECT id FROM store.collections LIMIT 1")
    await shop.change("PATCH", f"products/{changed}", {"price": "1.23", "inventory": 7})
    await shop.change("PATCH", f"products/{other}", {"sku": "NEW"})
    new = await shop.change("POST", "products", {"title": "New", "price": "3.00"})
    await shop.change(
        "PATCH",
        f"collections/{collection['id']}",
        {"title": "Chosen", "productIds": [str(changed), new["id"]]},
    )


async def _forget_levels(tenant: PulledTenant) -> None:
    """All of them have changed since nothing was read, more than a page of one location shows."""
    assert len(await tenant.rows("DELETE FROM store.inventory_levels RETURNING 1")) > MOST_A_PAGE
    for change in (
        "UPDATE store.entity_counts SET records = 0",
        "UPDATE store.watermarks SET updated_at = '2000-01-01'",
    ):
        await tenant.rows(f"{change} WHERE entity = 'inventory_levels' RETURNING 1")


async def _lose(tenant: PulledTenant, shop: Shop) -> None:
    [row] = await tenant.rows(
        "SELECT product_id FROM store.collection_products WHERE deleted_at IS NULL LIMIT 1"
    )
    [collection] = await tenant.rows("SELECT id FROM store.collections ORDER BY id DESC LIMIT 1")
    await shop.change("DELETE", f"products/{row['product_id']}")
    await shop.change("DELETE", f"collections/{collection['id']}")
