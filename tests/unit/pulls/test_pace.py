"""The pace of a pull is that of its recent past, and is not told before it can be trusted."""

from datetime import UTC, datetime, timedelta

from services.ingestor.pulls.pace import Mark, records_per_second, with_mark

START = datetime(2026, 11, 25, 12, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _marks(*pairs: tuple[float, int]) -> tuple[Mark, ...]:
    marks: tuple[Mark, ...] = ()
    for seconds, applied in pairs:
        marks = with_mark(marks, _at(seconds), applied)
    return marks


def test_a_steady_pace_is_told_as_it_is():
    marks = _marks((0, 0), (2, 1_000), (4, 2_000))
    assert records_per_second(marks, _at(4)) == 500


def test_nothing_is_told_before_two_seconds_were_seen():
    assert records_per_second((), _at(0)) is None
    assert records_per_second(_marks((0, 0), (1.9, 900)), _at(1.9)) is None


def test_only_the_last_half_minute_counts():
    marks = _marks((0, 0), (1, 100_000), (40, 100_100), (50, 100_200))
    assert records_per_second(marks, _at(50)) == 10


def test_a_worker_that_stands_still_slows_down_and_then_has_no_pace():
    marks = _marks((0, 0), (5, 1_000))
    assert records_per_second(marks, _at(10)) == 100
    assert records_per_second(marks, _at(36)) is None


def test_the_time_a_worker_was_dead_is_forgotten_soon_after():
    marks = _marks((0, 0), (5, 5_000), (300, 5_000), (305, 6_000))
    assert records_per_second(marks, _at(305)) == 200


def test_many_small_batches_keep_few_marks_and_the_newest():
    marks = _marks(*((number / 10, number) for number in range(1_000)))
    assert len(marks) <= 32
    assert marks[-1] == Mark(_at(99.9), 999)
    assert records_per_second(marks, _at(99.9)) is not None


def test_a_file_that_is_begun_again_is_not_measured_against_its_first_try():
    marks = _marks((0, 0), (3, 3_000), (4, 0), (8, 400))
    assert records_per_second(marks, _at(8)) == 50
