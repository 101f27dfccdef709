"""The options of `tillstream dead-letters` say plainly what they do not take."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.clock import utc_now
from libs.ops.cli_dead_letters import times_of
from libs.ops.dead_letters import Selection, refuse_all
from libs.ops.errors import OperationError


def test_a_time_without_a_zone_is_utc_and_one_with_a_zone_is_kept():
    since, until = times_of("2026-11-30", "2026-11-30T18:00+02:00", None)
    assert since == datetime(2026, 11, 30, tzinfo=UTC)
    assert until == datetime(2026, 11, 30, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("3d", timedelta(days=3)),
    ],
)
def test_an_age_is_a_time_before_now(text: str, span: timedelta):
    before = utc_now()
    _, until = times_of(None, None, text)
    assert until is not None
    assert before - span <= until <= utc_now() - span


def test_of_an_age_and_a_time_the_earlier_counts():
    assert times_of(None, "2026-01-01", "1m")[1] == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "d", "3", "3w", "-3d", "1.5h", "\u0663d", "9" * 30 + "d"])
def test_what_is_no_age_is_named(text: str):
    with pytest.raises(OperationError):
        times_of(None, None, text)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "30.11.2026"])
def test_what_is_no_time_is_named(text: str):
    with pytest.raises(OperationError):
        times_of(text, None, None)


def test_without_a_filter_nothing_is_chosen():
    with pytest.raises(OperationError, match="--all"):
        refuse_all(Selection(limit=5))
    refuse_all(Selection(reason="not_json"))
