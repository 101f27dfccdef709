"""The owner of a shop, and nobody else, gets the files that answer its customers' requests."""

import json
from uuid import UUID, uuid4

import httpx
import pytest

from tests.integration.analytics.shop_facts import Shop
from tests.integration.gateway.platform import Platform, code_of

FILES = "/api/tenants/current/data-requests"
FILE = {"customer": {"id": "7", "email": "ada@example.com"}, "orders": []}


async def _owner_with_file(platform: Platform, name: str) -> tuple[httpx.AsyncClient, UUID]:
    shop = await platform.new_shop()
    return await platform.new_owner(shop, name), await _add_file(shop)


async def _add_file(shop: Shop) -> UUID:
    request_id = uuid4()
    async with shop.connection() as connection:
        await connection.execute(
            "INSERT INTO store.privacy_requests (tenant_id, id, topic, customer_id, requested_at,"
            " done_at, counts, file, expires_at) VALUES ($1, $2, 'customers/data_request', 7,"
            " now(), now(), '{}', $3, now() + interval '1 day')",
            *(shop.tenant_id, request_id, json.dumps(FILE).encode()),
        )
    return request_id


async def test_the_owner_sees_the_requests_and_downloads_the_file(platform: Platform):
    ada, request_id = await _owner_with_file(platform, "ada")

    [listed] = (await ada.get(FILES)).json()["dataRequests"]
    file = await ada.get(f"{FILES}/{request_id}/file")

    assert (listed["id"], listed["customerId"]) == (str(request_id), "7")
    assert listed["bytes"] == len(json.dumps(FILE))
    assert listed["expiresAt"] > listed["requestedAt"]
    assert (file.status_code, file.json()) == (200, FILE)
    assert file.headers["Cache-Control"] == "no-store"
    name = f'attachment; filename="data-request-{request_id}.json"'
    assert file.headers["Content-Disposition"] == name


async def test_the_owner_of_another_shop_gets_neither(platform: Platform):
    _, request_id = await _owner_with_file(platform, "ada")
    eve, _ = await _owner_with_file(platform, "eve")

    assert str(request_id) not in (await eve.get(FILES)).text
    assert code_of(await eve.get(f"{FILES}/{request_id}/file")) == (404, "NOT_FOUND")
    assert code_of(await eve.get(f"{FILES}/not-an-id/file")) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("role", ["admin", "analyst", "viewer"])
async def test_whoever_is_not_the_owner_is_refused(platform: Platform, role: str):
    eve, request_id = await _owner_with_file(platform, "eve")
    await platform.execute("UPDATE identity.memberships SET role = $1", role)
    nobody = await platform.new_browser()

    for path in (FILES, f"{FILES}/{request_id}/file"):
        assert code_of(await eve.get(path)) == (403, "OWNER_REQUIRED")
        assert code_of(await nobody.get(path)) == (401, "AUTH_SESSION_EXPIRED")
