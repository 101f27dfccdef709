"""A browser is told the newest of each kind, once; a slow one costs no memory."""

import orjson

from services.gateway.streams import LatestSummary, Stream


def summary(version: int, *, partial: bool = False) -> LatestSummary:
    told = {"partial": partial, "freshness": {"dataVersion": str(version)}}
    return LatestSummary.from_answer(told)


async def test_an_event_has_the_data_version_as_its_id():
    stream = Stream(None)
    stream.tell_summary(summary(17))

    frame = await stream.next_frames(1)

    event, identity, body = frame.decode().strip().split("\n")
    assert (event, identity) == ("event: summary", "id: 17")
    assert orjson.loads(body.removeprefix("data: "))["freshness"] == {"dataVersion": "17"}


async def test_of_many_summaries_only_the_last_waits():
    stream = Stream(None)
    for version in range(1000):
        stream.tell_summary(summary(version))
        stream.tell_pull({"recordsProcessed": version})

    frames = await stream.next_frames(1)

    assert frames.count(b"event: ") == 2
    assert b"id: 999\n" in frames
    assert b'{"recordsProcessed":999}' in frames
    assert await stream.next_frames(0) == b""


async def test_the_same_summary_is_told_once_and_a_finished_one_again():
    stream = Stream(None)
    stream.tell_summary(summary(1, partial=True))
    assert await stream.next_frames(0) != b""

    stream.tell_summary(summary(1, partial=True))
    assert await stream.next_frames(0) == b""
    stream.tell_summary(summary(1, partial=False))
    assert b"false" in await stream.next_frames(0)


async def test_what_the_browser_saw_before_is_not_told_again():
    stream = Stream("5")

    stream.tell_summary(summary(5))
    assert await stream.next_frames(0) == b""
    stream.tell_summary(summary(6))
    assert b"id: 6\n" in await stream.next_frames(0)


async def test_a_stream_that_ends_wakes_its_reader():
    stream = Stream(None)
    stream.end()

    assert await stream.next_frames(60) == b""
    assert stream.ended
