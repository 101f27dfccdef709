"""Which lane a delivery takes decides which service sees it."""

import pytest

from libs.common.messaging.topology import WORK_QUEUES, Lane, lane_for


@pytest.mark.parametrize("topic", ["app/uninstalled", "app/scopes_update", "shop/redact"])
def test_what_concerns_the_life_of_a_tenant_goes_to_oauth(topic: str):
    assert lane_for(topic) is Lane.TENANCY


@pytest.mark.parametrize(
    "topic", ["orders/create", "customers/redact", "customers/data_request", "shop/update", "a/b"]
)
def test_everything_else_goes_to_the_ingestor(topic: str):
    assert lane_for(topic) is Lane.STORE


def test_every_lane_is_a_queue():
    assert set(Lane) <= set(WORK_QUEUES)
