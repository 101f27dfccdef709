"""An error ends a pull only when trying again cannot help, or has not helped for long."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import ShopifyRequestError, ShopifyUnavailableError
from libs.common.messaging.publisher import Publisher
from services.ingestor.pulls import repository
from services.ingestor.pulls.leases import Claim, claim_due
from services.ingestor.pulls.outcomes import settle
from services.ingestor.pulls.state import Trouble
from services.ingestor.shopify.errors import AnswerUnreadableError
from tests.integration.pulls.tenants import PulledTenant

AWAY = ShopifyUnavailableError("Shopify does not answer.")


@pytest.fixture
async def claim(engine: AsyncEngine, tenant: PulledTenant) -> Claim:
    [claim] = await claim_due(engine, 1)
    return claim


async def test_what_may_pass_puts_the_pull_off_and_is_told(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant, claim: Claim
):
    await settle(engine, publisher, claim, AWAY)
    pull = await tenant.pull()
    assert pull["state"] == "queued"
    assert [error["code"] for error in pull["errors"]] == ["SHOPIFY_UNAVAILABLE"]
    [schedule] = await tenant.rows(
        "SELECT lease_owner, due_at > now() AS later FROM store.schedule"
    )
    assert schedule == {"lease_owner": None, "later": True}


async def test_what_lasts_too_long_ends_the_pull(
    engine: AsyncEngine, publisher: Publisher, tenant: PulledTenant, claim: Claim
):
    async with transaction(engine, tenants=[tenant.id]) as tx:
        now = await tx.scalar(text("SELECT now()"))
        trouble = Trouble(AWAY.code, AWAY.message, now - timedelta(minutes=31))
        await repository.save_trouble(tx, claim, trouble)
    await settle(engine, publisher, claim, AWAY)
    assert (await tenant.pull())["state"] == "failed"
    [schedule] = await tenant.rows(
        "SELECT due_at >= now() + interval '59 minutes' AS waits FROM store.schedule"
    )
    assert schedule["waits"], "the schedule tries again, but not at once"


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (ShopifyRequestError("The shop is frozen."), "failed", "SHOPIFY_REQUEST_REFUSED"),
        (AnswerUnreadableError("Not as promised."), "failed", "SHOPIFY_ANSWER_UNREADABLE"),
        (KeyError("a fault of ours"), "queued", "INTERNAL_SERVER_ERROR"),
    ],
)
async def test_a_refusal_ends_the_pull_and_a_fault_of_ours_is_tried_again(
    engine: AsyncEngine,
    publisher: Publisher,
    tenant: PulledTenant,
    claim: Claim,
    error: Exception,
    state: str,
    code: str,
):
    await settle(engine, publisher, claim, error)
    pull = await tenant.pull()
    assert (pull["state"], pull["errors"][0]["code"]) == (state, code)
