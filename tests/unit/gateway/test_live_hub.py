"""One feed a tenant asks for all its streams, and never tells two summaries in one second."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.errors import ServiceUnavailableError, TransientError
from libs.common.events.contracts import PullProgressed, StoreChanged
from services.gateway.live import MAX_STREAMS_PER_SESSION, MAX_STREAMS_PER_USER, LiveHub
from services.gateway.repository import ActiveSession

TENANT = uuid4()


def _session(user_id: UUID | None = None) -> ActiveSession:
    """A session of the tenant: of a user of its own, unless one is given."""
    return ActiveSession(
        id=uuid4(),
        user_id=user_id or uuid4(),
        username="ada",
        tenant_id=TENANT,
        shop_domain="ada.myshopify.com",
        role="viewer",
        expires_at=datetime.max.replace(tzinfo=UTC),
        last_seen_at=datetime.now(UTC),
    )


SESSION = _session()


class Figures:
    """Answers as analytics does, and remembers when it was asked."""

    def __init__(self) -> None:
        self.version = 1
        self.asked_at: list[float] = []
        self.is_away = False

    async def ask(self, _tenant_id: UUID) -> dict[str, Any]:
        self.asked_at.append(asyncio.get_running_loop().time())
        if self.is_away:
            raise ServiceUnavailableError("away")
        return {"freshness": {"dataVersion": str(self.version)}}


async def _hint(hub: LiveHub, version: int, tenant_id: UUID = TENANT) -> None:
    event = StoreChanged(tenant_id=tenant_id, data_version=version)
    await hub.take_hint(StoreChanged.TYPE, event.to_json())


async def test_streams_of_a_tenant_share_the_question_and_get_the_answer_at_once():
    figures = Figures()
    hub = LiveHub(figures.ask)

    with hub.join(SESSION, None) as first, hub.join(SESSION, None) as second:
        assert b"id: 1\n" in await first.next_frames(10)
        assert b"id: 1\n" in await second.next_frames(10)
        assert len(figures.asked_at) == 1
        with hub.join(SESSION, None) as third:
            assert b"id: 1\n" in await third.next_frames(0.5)


async def test_however_many_changes_there_are_a_second_passes_between_two_questions():
    figures = Figures()
    hub = LiveHub(figures.ask)

    with hub.join(SESSION, None) as stream:
        while len(figures.asked_at) < 4:
            figures.version += 1
            await _hint(hub, figures.version)
            await asyncio.sleep(0.005)
        assert b"event: summary" in await stream.next_frames(10)

    gaps = [after - before for before, after in pairwise(figures.asked_at)]
    assert min(gaps) > 0.99


async def test_a_hint_that_is_known_already_asks_nothing():
    figures = Figures()
    hub = LiveHub(figures.ask)

    with hub.join(SESSION, None) as stream:
        assert await stream.next_frames(10)
        await _hint(hub, 1)
        await _hint(hub, 9, tenant_id=uuid4())
        await asyncio.sleep(1.5)
        assert len(figures.asked_at) == 1


async def test_a_lost_hint_is_made_up_for():
    figures = Figures()
    hub = LiveHub(figures.ask)

    with hub.join(SESSION, None) as stream:
        assert b"id: 1\n" in await stream.next_frames(10)
        figures.version = 2
        assert b"id: 2\n" in await stream.next_frames(30)


async def test_an_outage_of_analytics_leaves_the_stream_open_and_passes():
    figures = Figures()
    figures.is_away = True
    hub = LiveHub(figures.ask)

    with hub.join(SESSION, None) as stream:
        assert await stream.next_frames(0.2) == b""
        figures.is_away = False
        assert b"id: 1\n" in await stream.next_frames(30)


async def test_progress_of_a_pull_is_passed_on_and_its_end_asks_for_the_summary():
    figures = Figures()
    hub = LiveHub(figures.ask)

    with hub.join(SESSION, None) as stream:
        assert await stream.next_frames(10)
        running = PullProgressed(tenant_id=TENANT, pull={"state": "running"})
        await hub.take_hint(PullProgressed.TYPE, running.to_json())
        assert await stream.next_frames(10) == b'event: pull\ndata: {"state":"running"}\n\n'
        ended = PullProgressed(tenant_id=TENANT, pull={"state": "succeeded"})
        figures.version = 2
        await hub.take_hint(PullProgressed.TYPE, ended.to_json())
        frames = b""
        while b"summary" not in frames:
            frames += await stream.next_frames(10)
        assert b"id: 2\n" in frames


async def test_a_hint_that_cannot_be_read_harms_nobody():
    figures = Figures()
    hub = LiveHub(figures.ask)

    with hub.join(SESSION, None) as stream:
        await hub.take_hint(StoreChanged.TYPE, b"{")
        await hub.take_hint("unheard.of.v1", b"{}")
        assert b"id: 1\n" in await stream.next_frames(10)


async def test_after_the_last_stream_nobody_asks_any_more():
    figures = Figures()
    hub = LiveHub(figures.ask)

    with hub.join(SESSION, None) as stream:
        await stream.next_frames(10)
    await _hint(hub, 2)
    await asyncio.sleep(1.5)

    assert len(figures.asked_at) == 1


async def test_a_closed_hub_ends_its_streams_and_takes_no_more():
    hub = LiveHub(Figures().ask)

    with hub.join(SESSION, None) as stream:
        hub.close()
        assert stream.ended
        with pytest.raises(TransientError):
            hub.check_room(SESSION)


async def test_an_answer_that_cannot_be_read_ends_the_stream_and_the_next_one_is_served():
    figures = Figures()
    answers: list[dict[str, Any]] = [{"unheard": "of"}]

    async def ask(tenant_id: UUID) -> dict[str, Any]:
        return answers.pop() if answers else await figures.ask(tenant_id)

    hub = LiveHub(ask)
    with hub.join(SESSION, None) as broken:
        assert await broken.next_frames(10) == b""
        assert broken.ended
        with hub.join(SESSION, None) as stream:
            assert b"id: 1\n" in await stream.next_frames(10)


async def test_one_session_cannot_take_the_streams_of_the_tenants_other_users():
    hub = LiveHub(Figures().ask)

    with ExitStack() as streams:
        for _ in range(MAX_STREAMS_PER_SESSION):
            hub.check_room(SESSION)
            streams.enter_context(hub.join(SESSION, None))
        with pytest.raises(TransientError, match="Close some"):
            hub.check_room(SESSION)
        hub.check_room(_session(SESSION.user_id))
        hub.check_room(_session())
    hub.check_room(SESSION)


async def test_one_user_cannot_take_them_with_many_sessions():
    hub = LiveHub(Figures().ask)

    with ExitStack() as streams:
        for _ in range(MAX_STREAMS_PER_USER):
            session = _session(SESSION.user_id)
            hub.check_room(session)
            streams.enter_context(hub.join(session, None))
        with pytest.raises(TransientError, match="Close some"):
            hub.check_room(_session(SESSION.user_id))
        hub.check_room(_session())
