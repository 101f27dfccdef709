"""A bucket gives what it holds and fills again with time, never above its rim."""

from libs.simulator.plans import Rate
from libs.simulator.throttle import Bucket, Buckets


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_not_there_is_refused_and_takes_nothing():
    bucket = Bucket(Rate(100, 10), Clock())

    assert bucket.take(60)
    assert not bucket.take(41)
    assert bucket.available() == 40
    assert bucket.take(40)


def test_it_fills_with_time_and_not_above_its_rim():
    clock = Clock()
    bucket = Bucket(Rate(100, 10), clock)
    bucket.take(100)
    clock.now = 2.5

    assert bucket.available() == 25
    clock.now = 60
    assert bucket.available() == 100


def test_what_was_not_used_comes_back():
    bucket = Bucket(Rate(100, 10), Clock())
    bucket.take(90)
    bucket.give_back(80)

    assert bucket.available() == 90
    bucket.give_back(80)
    assert bucket.available() == 100


def test_each_plan_has_the_limits_of_shopify():
    buckets = Buckets()

    rates = {plan: buckets.points(plan).rate for plan in ("development", "advanced", "plus")}
    assert rates == {
        "development": Rate(2_000, 100),
        "advanced": Rate(4_000, 200),
        "plus": Rate(20_000, 1_000),
    }
    assert buckets.calls("basic").rate == Rate(40, 2)
    assert buckets.points("plus") is buckets.points("plus")
