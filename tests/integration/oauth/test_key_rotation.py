"""Keys can be changed while tokens are in use; then the old one may go, and nothing is lost."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from libs.common.clock import utc_now
from libs.common.web.client import ServiceClient
from libs.ops.keys import rotate_keys
from services.oauth.encryption import ACCESS_TOKEN, Cipher
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import OauthDriver, new_domain, running
from tests.integration.oauth.scripted_shopify import ScriptedShopify

OLD = "k1:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
NEW = "k2:bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4="
MANY = 250


class Rotated:
    """An oauth service that has the new key before the old one, and the command that uses it."""

    def __init__(self, oauth: OauthDriver, keys: CallerKeys) -> None:
        self.oauth = oauth
        self._keys = keys

    async def rotate(self) -> str:
        """What the command says that goes through."""
        said: list[str] = []
        client = ServiceClient("oauth", str(self.oauth.http.base_url), self._keys.signer("ops"))
        await rotate_keys(client, said.append)
        await client.close()
        return "\n".join(said)

    async def run(self) -> tuple[int, str]:
        """The exit status of `tillstream keys rotate`, and what it says."""
        environment = {
            **os.environ,
            "OAUTH_URL": str(self.oauth.http.base_url),
            "CALLER_PRIVATE_KEY": self._keys.private["ops"],
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "libs.ops.cli", "keys", "rotate"), stderr=PIPE, env=environment
        )
        _, said = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    async def reseal(self, after: str | None = None) -> dict[str, Any]:
        """One batch of it, asked for as the command does."""
        start = {} if after is None else {"after": after}
        headers = self.oauth.caller("ops")
        answer = await self.oauth.http.post("/internal/keys/rotate", json=start, headers=headers)
        return dict(answer.json())


@pytest.fixture
async def rotated(
    oauth: OauthDriver, shopify: ScriptedShopify, database: Database, keys: CallerKeys
) -> AsyncIterator[Rotated]:
    url = database.url_for("oauth")
    async with running(url, shopify.api_url, keys, ENCRYPTION_KEY=f"{NEW},{OLD}") as driver:
        yield Rotated(driver, keys)


async def _add_shops(oauth: OauthDriver, key: str, number: int) -> list[UUID]:
    """Shops that somebody else's `key` has sealed, each with its id for a token."""
    name, _, secret = key.partition(":")
    cipher = Cipher({name: SecretStr(secret)})
    tenants = [uuid4() for _ in range(number)]
    sealed = [cipher.seal(SecretStr(str(each)), each, ACCESS_TOKEN) for each in tenants]
    sql = """WITH new AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:sealed AS bytea[]))
            AS new(id, sealed)),
        made AS (INSERT INTO tenancy.tenants (id, connected_at) SELECT id, now() FROM new),
        listed AS (INSERT INTO tenancy.shop_directory (domain, tenant_id, status)
            SELECT id || '.myshopify.com', id, 'active' FROM new)
        INSERT INTO tenancy.credentials
            (tenant_id, access_token_ciphertext, access_expires_at, scopes, installed_at)
            SELECT id, sealed, now() + interval '1 hour', '{}', now() FROM new"""
    await oauth.rows(sql, ids=tenants, sealed=sealed)
    return tenants


async def test_a_rotation_seals_everything_anew_while_tokens_are_refreshed(
    oauth: OauthDriver,
    rotated: Rotated,
    shopify: ScriptedShopify,
    database: Database,
    keys: CallerKeys,
):
    many = await _add_shops(oauth, OLD, MANY)
    by_old, by_new = await oauth.connect(new_domain()), await oauth.connect(new_domain())
    for tenant_id in (by_old, by_new):
        await oauth.let_token_expire(tenant_id, utc_now())
    shopify.gate.clear()
    calls = len(shopify.calls)
    asks = [
        asyncio.create_task(process.token(tenant_id))
        for process, tenant_id in ((oauth, by_old), (rotated.oauth, by_new))
    ]
    while len(shopify.calls) < calls + 2:
        await asyncio.sleep(0.01)

    first = await rotated.reseal()
    second = await rotated.reseal(first["last"])
    shopify.gate.set()
    given = [(await ask).json()["accessToken"] for ask in asks]
    # The process that was started with the old key alone has sealed with it once more.
    said = await rotated.rotate()

    assert [batch["left"] for batch in (first, second)] == [MANY + 2 - 200, 0]
    assert "credentials sealed anew: 1. " in said
    url = database.url_for("oauth")
    async with running(url, shopify.api_url, keys, ENCRYPTION_KEY=NEW) as later:
        assert [(await later.token(each)).json()["accessToken"] for each in (by_old, by_new)] == (
            given
        )
        for tenant_id in (many[0], many[-1]):
            assert (await later.token(tenant_id)).json()["accessToken"] == str(tenant_id)
        await oauth.let_token_expire(by_old, utc_now())
        assert (await later.token(by_old)).status_code == 200
    [counted] = await oauth.rows(
        """SELECT count(*) FROM tenancy.credentials
        WHERE position(CAST('k1' AS bytea) IN substr(access_token_ciphertext, 1, 4)) > 0"""
    )
    assert counted["count"] == 0


async def test_a_rotation_that_was_broken_off_goes_on_where_it_was(
    oauth: OauthDriver, rotated: Rotated
):
    await _add_shops(oauth, OLD, MANY)
    first = await rotated.reseal()
    assert (first["resealed"], first["left"]) == (200, MANY - 200)

    said = await rotated.rotate()

    assert "credentials sealed anew: 50. " in said
    assert "credentials sealed anew: 50, left: 0" in said


async def test_what_no_key_opens_is_counted_by_its_key_and_keeps_nothing_else_from_being_sealed(
    oauth: OauthDriver, rotated: Rotated
):
    lost = await _add_shops(oauth, f"k0:{OLD.partition(':')[2]}", 2)
    wrong = await _add_shops(oauth, f"k1:{NEW.partition(':')[2]}", 1)
    [good] = await _add_shops(oauth, OLD, 1)

    status, said = await rotated.run()

    assert status == 1
    words = " ".join(said.split())
    assert "2 credential(s) were sealed with the key k0" in words
    assert "1 credential(s) were sealed with the key k1" in words
    assert (await rotated.oauth.token(good)).json()["accessToken"] == str(good)
    for tenant_id, reason in ((lost[0], "key_missing"), (wrong[0], "key_does_not_fit")):
        error = (await rotated.oauth.token(tenant_id)).json()["error"]
        assert error["code"] == "ENCRYPTION_KEY_MISSING"
        assert error["details"]["reason"] == reason
        assert error["details"]["keyId"] in error["message"]


@pytest.mark.parametrize("caller", ["gateway", "ingestor", "webhooks", "analytics", "oauth"])
async def test_only_the_operator_may_rotate_keys(oauth: OauthDriver, caller: str):
    headers = oauth.caller(caller)
    answer = await oauth.http.post("/internal/keys/rotate", json={}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "CALLER_REFUSED")
