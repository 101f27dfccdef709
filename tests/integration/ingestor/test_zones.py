"""A shop's time zone is stored under a name that PostgreSQL knows, whatever Shopify calls it."""

import pytest
from sqlalchemy import text

from libs.common.database.transaction import transaction
from services.ingestor.store.zones import known_zone, other_names
from tests.integration.ingestor.world import World


@pytest.mark.parametrize(
    ("told", "other"),
    [
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("Asia/Rangoon", "Asia/Yangon"),
        ("US/Pacific", "America/Los_Angeles"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("Asia/Kolkata", "Asia/Calcutta"),
    ],
)
def test_a_zone_has_its_other_names_the_newest_first(told: str, other: str):
    assert other_names(told)[0] == other
    assert told not in other_names(told)


async def test_a_zone_that_the_server_knows_keeps_its_name(world: World):
    async with transaction(world.engine) as tx:
        for zone in ("Europe/Berlin", "Asia/Calcutta", "UTC"):
            assert await known_zone(tx, zone) == zone


async def test_a_zone_by_no_name_that_the_server_knows_is_none_and_costs_no_transaction(
    world: World,
):
    async with transaction(world.engine) as tx:
        assert await known_zone(tx, "Mars/Phobos") is None
        assert await tx.scalar(text("SELECT 1")) == 1
