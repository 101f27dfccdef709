"""Who holds rows of a tenant can ask whether it is being erased, before any of them goes."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.oauth.driver import OauthDriver, new_domain


async def _ask(oauth: OauthDriver, tenant_id: UUID, caller: str) -> tuple[int, Any]:
    headers = oauth.caller(caller, tenant=tenant_id)
    answer = await oauth.http.get(f"/internal/erasures/{tenant_id}", headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("caller", ["gateway", "ingestor"])
async def test_an_erasure_is_running_until_every_holder_has_reported(
    oauth: OauthDriver, caller: str
):
    tenant_id = await oauth.connect(new_domain())
    url, headers = f"/internal/tenants/{tenant_id}", oauth.caller("gateway", tenant=tenant_id)
    await oauth.http.delete(url, headers=headers)
    status, answer = await _ask(oauth, tenant_id, caller)
    assert status == 200
    assert (answer["tenantId"], answer["state"]) == (str(tenant_id), "running")

    for holder in ("gateway", "ingestor"):
        url, headers = f"/internal/erasures/{tenant_id}", oauth.caller(holder, tenant=tenant_id)
        await oauth.http.post(url, headers=headers, json={"counts": {}})

    assert (await _ask(oauth, tenant_id, caller))[1]["state"] == "done"


async def test_a_tenant_nobody_asked_to_erase_has_no_erasure(oauth: OauthDriver):
    tenant_id = await oauth.connect(new_domain())
    for unasked in (tenant_id, uuid4()):
        status, answer = await _ask(oauth, unasked, "ingestor")
        assert (status, answer["error"]["code"]) == (404, "TENANT_NOT_FOUND")


async def test_an_erasure_is_not_told_to_a_caller_of_another_tenant(oauth: OauthDriver):
    headers = oauth.caller("gateway", tenant=uuid4())
    answer = await oauth.http.get(f"/internal/erasures/{uuid4()}", headers=headers)
    assert answer.json()["error"]["code"] == "CALLER_REFUSED"
