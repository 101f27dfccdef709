"""Tokens of every grant, in form and JSON, live and die by Shopify's rules."""

from typing import Any

import httpx
import pytest

from libs.simulator.times import now_seconds
from libs.simulator.tokens import Tokens
from tests.integration.simulator.driver import KEY, SECRET, Simulator

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
_DAY = 86_400


def _migration(token: str) -> dict[str, str]:
    return {
        "grant_type": _EXCHANGE,
        "subject_token": token,
        "subject_token_type": _OFFLINE,
        "requested_token_type": _OFFLINE,
        "expiring": "1",
    }


async def _post(simulator: Simulator, form: str, fields: dict[str, str]) -> httpx.Response:
    address = f"/{simulator.shop}/admin/oauth/access_token"
    sent: Any = {form: {"client_id": KEY, "client_secret": SECRET, **fields}}
    return await simulator.http.post(address, **sent)


async def _status_with(simulator: Simulator, token: str) -> int:
    simulator.headers = {"X-Shopify-Access-Token": token}
    return (await simulator.ask("{ shop { id } }")).status_code


@pytest.mark.parametrize("form", ["data", "json"])
async def test_a_token_that_never_expires_is_migrated_and_revoked(simulator: Simulator, form: str):
    old = (await simulator.token(code=await simulator.code())).json()["access_token"]

    migrated = await _post(simulator, form, _migration(old))

    pair = migrated.json()
    assert (pair["expires_in"], pair["refresh_token_expires_in"]) == (3_600, 7_776_000)
    assert await _status_with(simulator, pair["access_token"]) == 200
    assert await _status_with(simulator, old) == 401
    refreshed = await simulator.token(
        grant_type="refresh_token", refresh_token=pair["refresh_token"]
    )
    assert refreshed.status_code == 200


async def test_a_migration_whose_answer_was_lost_gives_the_same_pair_until_that_is_used(
    simulator: Simulator,
):
    old = (await simulator.token(code=await simulator.code())).json()["access_token"]
    lost = (await simulator.token(**_migration(old))).json()

    again = (await simulator.token(**_migration(old))).json()
    await simulator.token(grant_type="refresh_token", refresh_token=again["refresh_token"])
    late = await simulator.token(**_migration(old))

    left = again.pop("refresh_token_expires_in"), lost.pop("refresh_token_expires_in")
    assert 0 <= left[1] - left[0] < 60
    assert again == lost
    assert (late.status_code, late.json()["error"]) == (400, "invalid_subject_token")


@pytest.mark.parametrize(("days", "status"), [(6, 200), (8, 400)])
async def test_a_lost_migration_can_be_asked_for_again_for_a_week(
    simulator: Simulator, days: int, status: int
):
    old = (await simulator.token(code=await simulator.code())).json()["access_token"]
    lost = (await simulator.token(**_migration(old))).json()
    await simulator.http.post("/_control/clock", json={"offsetSeconds": days * _DAY})

    again = await simulator.token(**_migration(old))
    works = await _status_with(simulator, lost["access_token"])
    await simulator.http.delete("/_control/clock")

    assert again.status_code == status
    assert works == (200 if status == 200 else 401)


async def test_a_migration_retires_the_refresh_tokens_before_it(simulator: Simulator):
    pair = (await simulator.token(code=await simulator.code(), expiring="1")).json()
    old = (await simulator.token(code=await simulator.code())).json()["access_token"]
    await simulator.token(**_migration(old))

    answer = await simulator.token(grant_type="refresh_token", refresh_token=pair["refresh_token"])

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"expiring": "0"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"requested_token_type": "urn:shopify:params:oauth:token-type:online-access-token"},
    ],
)
async def test_any_other_exchange_is_refused_and_revokes_nothing(
    simulator: Simulator, wrong: dict[str, str]
):
    old = (await simulator.token(code=await simulator.code())).json()["access_token"]

    refused = await simulator.token(**{**_migration(old), **wrong})

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert (await simulator.token(**_migration(old))).status_code == 200


async def test_a_token_that_expires_cannot_be_migrated(simulator: Simulator):
    token = simulator.headers["X-Shopify-Access-Token"]

    refused = await simulator.token(**_migration(token))

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_subject_token")
    assert await _status_with(simulator, token) == 200


@pytest.mark.parametrize("form", ["data", "json"])
async def test_client_credentials_give_a_day_while_the_app_is_installed(
    simulator: Simulator, form: str
):
    fields = {"grant_type": "client_credentials"}
    given = await _post(simulator, form, fields)
    works = await _status_with(simulator, given.json()["access_token"])
    await simulator.control("POST", "/uninstall")
    refused = await _post(simulator, form, fields)

    assert set(given.json()) == {"access_token", "scope", "expires_in"}
    assert (given.json()["expires_in"], works) == (86_399, 200)
    assert await _status_with(simulator, given.json()["access_token"]) == 401
    assert (refused.status_code, refused.json()["error"]) == (400, "shop_not_permitted")


@pytest.mark.parametrize("form", ["data", "json"])
async def test_a_grant_nobody_knows_is_refused(simulator: Simulator, form: str):
    refused = await _post(simulator, form, {"grant_type": "password"})

    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")


async def test_after_an_uninstall_a_refresh_is_refused_for_good(simulator: Simulator):
    pair = (await simulator.token(code=await simulator.code(), expiring="1")).json()
    await simulator.control("POST", "/uninstall")

    answer = await simulator.token(grant_type="refresh_token", refresh_token=pair["refresh_token"])

    assert (answer.status_code, answer.json()) == (
        401,
        {
            "error": "invalid_request",
            "error_description": "This request requires an active refresh_token",
        },
    )


class _Kept(dict[str, Any]):
    """What one shop's tokens write to their journal."""

    def write(self, kind: str, key: int | str, value: object) -> None:
        if kind == "refresh_token":
            self[str(key)] = value


def test_a_used_refresh_token_lives_thirty_days_from_its_first_use_and_no_more():
    kept = _Kept()
    tokens = Tokens(kept.write)
    soon = now_seconds() + _DAY
    for token, end in (("fresh", now_seconds() + 90 * _DAY), ("near its end", soon)):
        tokens.replay("refresh_token", token, {"scope": "", "order": 1, "expires_at": end})
        assert tokens.refresh(token) is not None

    first_use = kept["fresh"].expires_at
    assert abs(first_use - now_seconds() - 30 * _DAY) < _DAY
    assert kept["near its end"].expires_at == soon


def test_a_refresh_token_past_its_end_is_not_active():
    tokens = Tokens(_Kept().write)
    end = now_seconds() - 1
    tokens.replay("refresh_token", "old", {"scope": "", "order": 1, "expires_at": end})

    assert tokens.refresh("old") is None
