"""Only the services that need an answer get it: tokens for the ingestor, installs for the
gateway, and nothing for a caller that cannot prove who it is."""

from uuid import UUID, uuid4

import pytest

from tests.caller_keys import CallerKeys
from tests.integration.oauth.driver import OauthDriver, new_domain

ALLOWED = {
    "GET /api/shopify/auth": {"gateway"},
    "GET /api/shopify/callback": {"gateway"},
    "GET /internal/tenants/{tenant}": {"gateway", "ingestor"},
    "POST /internal/tenants/{tenant}/token": {"ingestor"},
    "POST /internal/tenants/{tenant}/disconnect": {"gateway"},
    "DELETE /internal/tenants/{tenant}": {"gateway"},
    "GET /internal/erasures/{tenant}": {"gateway", "ingestor"},
    "GET /internal/erasures": {"ops"},
    "POST /internal/erasures/{tenant}/cancel": {"ops"},
    "POST /internal/erasures/{tenant}/run": {"ops"},
    "POST /internal/departures/resume": {"ops"},
}


@pytest.fixture
async def tenant(oauth: OauthDriver) -> UUID:
    return await oauth.connect(new_domain())


async def _answer(oauth: OauthDriver, route: str, tenant: UUID, headers: dict[str, str]):
    method, path = route.format(tenant=tenant).split()
    return await oauth.http.request(method, path, headers=headers)


@pytest.mark.parametrize("route", ALLOWED)
async def test_a_route_answers_its_callers_and_refuses_the_others(
    oauth: OauthDriver, tenant: UUID, route: str
):
    for caller in ("gateway", "ingestor", "analytics", "webhooks", "oauth", "ops"):
        answer = await _answer(oauth, route, tenant, oauth.caller(caller))
        refused = answer.status_code == 401 and answer.json()["error"]["code"] == "CALLER_REFUSED"
        assert refused == (caller not in ALLOWED[route]), caller
        assert refused == (answer.status_code == 401)


@pytest.mark.parametrize("route", ALLOWED)
async def test_without_a_good_token_nothing_is_answered(
    oauth: OauthDriver, tenant: UUID, route: str
):
    [caller] = sorted(ALLOWED[route])[-1:]
    stranger = OauthDriver(oauth.http, oauth.engine, CallerKeys(), oauth.parts)
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        oauth.caller(caller, audience="analytics"),
        stranger.caller(caller),
    ):
        answer = await _answer(oauth, route, tenant, headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "CALLER_REFUSED"


async def test_a_token_for_one_tenant_does_not_open_another(oauth: OauthDriver, tenant: UUID):
    route = "POST /internal/tenants/{tenant}/token"
    right = await _answer(oauth, route, tenant, oauth.caller("ingestor", tenant=tenant))
    wrong = await _answer(oauth, route, tenant, oauth.caller("ingestor", tenant=uuid4()))
    assert (right.status_code, wrong.status_code) == (200, 401)


async def test_health_is_open_to_all(oauth: OauthDriver):
    answer = await oauth.http.get("/health/ready")
    assert answer.json() == {"status": "ready", "failures": {}}
