"""In whatever order a shop's app, its owner, an operator and strangers act: access ends only by
whom it may, and rows go only after their waits, once.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.oauth.driver import OauthDriver, running
from tests.integration.oauth.leaving import CANCELLED, ERASED, SCHEDULED, Leaver, connected_leaver
from tests.integration.oauth.scripted_shopify import ScriptedShopify

HOUR = timedelta(hours=1)
WAITS = {"an hour": 1.1 * HOUR, "a day": 25 * HOUR, "two days": 49 * HOUR}
ACTIONS = (
    *("app uninstalled", "uninstall sent", "redact sent", "reconnect"),
    *("owner disconnects", "owner erases", "operator cancels", "operator runs"),
    *WAITS,
)


@pytest.fixture
async def oauth(database: Database, shopify: ScriptedShopify, keys: CallerKeys):
    many = {"MAX_DEPARTURES_PER_HOUR": "1000000"}
    async with running(database.url_for("oauth"), shopify.api_url, keys, **many) as driver:
        yield driver


@dataclass
class Model:
    """What may follow from what happened since the shop connected last."""

    now: timedelta = timedelta(0)
    installed: bool = True
    left: bool = False
    """By the owner, or an operator."""
    ran: bool = False
    owner_erased_at: timedelta | None = None
    ended_at: timedelta | None = None
    """The first sign of an uninstall."""
    redacts: list[timedelta] = field(default_factory=list)

    def note_end(self) -> None:
        if self.ended_at is None:
            self.ended_at = self.now

    def may_be_erased(self) -> bool:
        if self.ran:
            return True
        if self.owner_erased_at is not None and self.now - self.owner_erased_at >= 24 * HOUR:
            return True
        waited = any(self.now - sent >= 24 * HOUR for sent in self.redacts)
        return waited and self.ended_at is not None and self.now - self.ended_at >= 47 * HOUR


async def _act(leaver: Leaver, model: Model, action: str, *, erased: bool) -> Model:
    if action in WAITS:
        model.now += WAITS[action]
        await leaver.pass_time(WAITS[action])
    elif action == "reconnect":
        leaver.tenant_id = await leaver.reconnect()
        return Model(now=model.now)
    elif action == "app uninstalled":
        leaver.shopify.uninstalled.add(leaver.domain)
        model.installed = False
        model.note_end()
    elif not erased:
        await _act_on_tenant(leaver, model, action)
    return model


async def _act_on_tenant(leaver: Leaver, model: Model, action: str) -> None:
    if action == "uninstall sent":
        model.note_end()
        await leaver.send("app/uninstalled")
    elif action == "redact sent":
        model.redacts.append(model.now)
        await leaver.send("shop/redact")
    elif action.startswith("owner"):
        await _act_as_owner(leaver, model, action)
    else:
        await _act_as_operator(leaver, model, action.removeprefix("operator ").rstrip("s"))


async def _act_as_owner(leaver: Leaver, model: Model, action: str) -> None:
    model.left = True
    tenant = f"/internal/tenants/{leaver.tenant_id}"
    if action == "owner disconnects":
        assert (await leaver.ask("POST", f"{tenant}/disconnect")).status_code == 204
        return
    assert (await leaver.ask("DELETE", tenant)).status_code == 202
    if model.owner_erased_at is None:
        model.owner_erased_at = model.now


async def _act_as_operator(leaver: Leaver, model: Model, decision: str) -> None:
    url = f"/internal/erasures/{leaver.tenant_id}/{decision}"
    done = (await leaver.ask("POST", url, "ops")).is_success
    if done and decision == "cancel":
        model.owner_erased_at, model.redacts = None, []
    elif done:
        model.left = model.ran = True
        await leaver.oauth.work()


async def _check(leaver: Leaver, model: Model) -> bool:
    """Whether the tenant is erased, as it may be."""
    events = await leaver.events()
    scheduled = events.count(SCHEDULED) - events.count(CANCELLED)
    erasure = await leaver.erasure()
    assert scheduled == int(erasure is not None)
    if ERASED in events:
        assert events.count(ERASED) == 1
        assert events[-1] == ERASED
        assert model.may_be_erased()
        return True
    if erasure is not None:
        assert await leaver.status() == "disconnected"
        assert not await leaver.has_tokens()
    if model.installed and not model.left:
        assert erasure is None
        assert await leaver.status() == "active"
        assert (await leaver.oauth.token(leaver.tenant_id)).status_code == 200
    return False


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**63))
async def test_a_tenant_leaves_only_as_it_may_whatever_happens_in_whatever_order(
    oauth: OauthDriver, shopify: ScriptedShopify, seed: int
):
    # Drawn one by one, Hypothesis would try many a life that hardly differs from the one before.
    actions = Random(seed).choices(ACTIONS, k=12)
    note(actions)
    leaver = await connected_leaver(oauth, shopify)
    model, erased = Model(), False
    for action in actions:
        model = await _act(leaver, model, action, erased=erased)
        erased = await _check(leaver, model)
