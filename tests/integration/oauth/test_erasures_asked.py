"""Who holds rows of a tenant can ask whether it is being erased, before any of them goes."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.oauth.driver import OauthDriver
from tests.integration.oauth.leaving import Leaver


async def _ask(oauth: OauthDriver, tenant_id: UUID, caller: str) -> tuple[int, Any]:
    headers = oauth.caller(caller, tenant=tenant_id)
    answer = await oauth.http.get(f"/internal/erasures/{tenant_id}", headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("caller", ["gateway", "ingestor"])
async def test_an_erasure_is_scheduled_then_runs_until_every_holder_has_reported(
    oauth: OauthDriver, leaver: Leaver, caller: str
):
    due_at = (await leaver.erase()).json()["dueAt"]
    asked = {"tenantId": str(leaver.tenant_id), "state": "scheduled", "dueAt": due_at}
    assert await _ask(oauth, leaver.tenant_id, caller) == (200, asked)

    await oauth.rows("UPDATE tenancy.erasures SET due_at = now()")
    await oauth.work()
    assert (await _ask(oauth, leaver.tenant_id, caller))[1]["state"] == "running"

    for holder in ("gateway", "ingestor"):
        await leaver.report(holder)
    assert (await _ask(oauth, leaver.tenant_id, caller))[1]["state"] == "done"


async def test_a_tenant_nobody_asked_to_erase_has_no_erasure(oauth: OauthDriver, leaver: Leaver):
    for unasked in (leaver.tenant_id, uuid4()):
        status, answer = await _ask(oauth, unasked, "ingestor")
        assert (status, answer["error"]["code"]) == (404, "TENANT_NOT_FOUND")


async def test_an_erasure_is_not_told_to_a_caller_of_another_tenant(oauth: OauthDriver):
    headers = oauth.caller("gateway", tenant=uuid4())
    answer = await oauth.http.get(f"/internal/erasures/{uuid4()}", headers=headers)
    assert answer.json()["error"]["code"] == "CALLER_REFUSED"
