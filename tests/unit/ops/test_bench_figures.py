"""What the bench says of its scenarios follows from what it saw, and every scenario can be asked
for alone.
"""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from libs.common.clock import utc_now
from libs.ops.bench.exports import spans
from libs.ops.bench.figures import Figure, Figures, ratio
from libs.ops.bench.incremental import Change
from libs.ops.bench.ingest import SCENARIOS, parser
from libs.ops.bench.kills import Recovery, Redone
from libs.ops.bench.stage import LINES, FileShop, write_orders
from libs.ops.bench.throttle import least_seconds
from libs.simulator.files import read_file


def test_each_scenario_is_named_by_the_help_and_can_run_alone():
    said = parser().format_help()

    for name in SCENARIOS:
        assert f"  {name}" in said
        assert parser().parse_args([name]).scenarios == [name]
    assert parser().parse_args([]).scenarios == []
    with pytest.raises(SystemExit):
        parser().parse_args(["backfil"])


@pytest.mark.parametrize(("spent", "seconds"), [(5_000, 30.0), (2_000, 0.0), (90, 0.0)])
def test_only_what_the_full_bucket_did_not_hold_takes_time(spent: float, seconds: float):
    assert least_seconds({"spent": spent, "capacity": 2_000, "perSecond": 100}) == seconds


def test_operations_that_overlap_take_less_time_than_their_sum():
    times = [
        ("2026-11-25T10:00:00Z", "2026-11-25T10:00:09Z"),
        ("2026-11-25T10:00:01Z", "2026-11-25T10:00:05Z"),
        ("2026-11-25T10:00:06Z", "2026-11-25T10:00:12Z"),
    ]
    found = spans([{"createdAt": began, "completedAt": ended} for began, ended in times])

    assert (found.each, found.whole) == ([9, 4, 6], 12)


def test_a_change_costs_what_a_pull_of_nothing_does_not():
    nothing = Change(0, 0.5, 0.25)

    assert Change(100, 2.5, 1.25).each(nothing) == (0.02, 0.01)
    assert Change(100, 0.4, 0.2).each(nothing) == (0, 0)


def test_redone_is_what_was_undone_and_what_a_checkpoint_lost():
    assert Redone([Recovery(1.0, 0), Recovery(2.0, 300)], undone=1_200).records == 1_500


def test_figures_say_the_same_to_people_and_to_programs():
    row = Figure("the pull", 31.26, "s", "at most 1.10", ratio(31.26, 30), "the least time")
    figures = Figures("throttle", 0.5, [row, Figure("orders", 100_000, "")])

    [first, second] = figures.as_json()["figures"]
    assert (first["value"], round(first["ratio"], 3), first["wanted"]) == (
        31.26,
        1.042,
        "at most 1.10",
    )
    assert (second["value"], second["ratio"]) == (100_000, None)
    shown = figures.as_table()
    assert [list(column.cells) for column in shown.columns] == [
        ["the pull", "orders"],
        ["31.3 s", "100,000"],
        ["at most 1.10", ""],
        ["1.04", ""],
        ["the least time", ""],
    ]


def test_nothing_is_compared_with_nothing():
    assert ratio(3, 0) is None


def test_the_small_shops_are_whole_and_past(tmp_path: Path):
    contents = read_file(write_orders(tmp_path, FileShop("small", 50)), ZoneInfo("UTC"))

    assert len(contents.orders) == 50
    assert {len(order.lines) for order in contents.orders.values()} == {LINES}
    assert max(order.created_at for order in contents.orders.values()) < utc_now().timestamp()
