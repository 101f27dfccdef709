"""A kept answer is served only while nothing changed, and the memory for it is bounded."""

from uuid import uuid4

from services.analytics.cache import AnswerCache
from services.analytics.queries import Stamp

TENANT = uuid4()


def stamp(version: int, *, partial: bool = False) -> Stamp:
    return Stamp(version, None, "USD", "UTC", partial)


def test_an_answer_is_found_again_for_the_same_tenant_question_and_stamp_only():
    cache = AnswerCache()
    cache.keep(TENANT, ("orders", 1), stamp(1), b"answer")

    assert cache.find(TENANT, ("orders", 1), stamp(1)) == b"answer"
    assert cache.find(uuid4(), ("orders", 1), stamp(1)) is None
    assert cache.find(TENANT, ("orders", 2), stamp(1)) is None
    assert cache.find(TENANT, ("orders", 1), stamp(2)) is None
    assert cache.find(TENANT, ("orders", 1), stamp(1, partial=True)) is None


def test_the_least_used_answers_go_when_there_is_no_room():
    cache = AnswerCache(most_bytes=30)
    for name in ("a", "b", "c"):
        cache.keep(TENANT, (name,), stamp(1), bytes(10))
    cache.find(TENANT, ("a",), stamp(1))

    cache.keep(TENANT, ("d",), stamp(1), bytes(10))

    kept = [name for name in "abcd" if cache.find(TENANT, (name,), stamp(1))]
    assert kept == ["a", "c", "d"]


def test_a_new_version_takes_the_place_of_the_old_one():
    cache = AnswerCache(most_bytes=15)
    for version in range(100):
        cache.keep(TENANT, ("summary",), stamp(version), bytes(10))

    assert len(cache) == 1
    assert cache.find(TENANT, ("summary",), stamp(99)) == bytes(10)


def test_an_answer_larger_than_all_room_is_not_kept():
    cache = AnswerCache(most_bytes=15)

    cache.keep(TENANT, ("orders",), stamp(1), bytes(16))

    assert len(cache) == 0
