"""Security events are logged without names or addresses, and counted where alerts can read them."""

from datetime import UTC, datetime

import asyncpg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from libs.common import security_events
from libs.common.database.engine import create_engine
from libs.common.security_events import (
    SecurityEvent,
    address_block,
    record_security_event,
    save_counts_once,
)
from libs.common.tables import identity, intake, store, tenancy

TABLES = {"gateway": identity, "webhooks": intake, "oauth": tenancy, "ingestor": store}


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2ff::9", "2001:db8:1:200::/56"),
        ("testclient", "unknown"),
    ],
)
def test_address_block_names_the_network_only(address, block):
    assert address_block(address) == block


def test_event_line_holds_hashes_in_place_of_name_and_address():
    with capture_logs() as lines:
        for _ in range(2):
            record_security_event(
                SecurityEvent.SIGN_IN_REFUSED,
                who="ada lovelace",
                address="203.0.113.77",
                reason="wrong",
            )
        record_security_event(SecurityEvent.SIGN_IN_REFUSED, who="bob", address="203.0.113.78")
    first, again, other = lines
    assert first["security_event"] == "sign_in_refused"
    assert first["reason"] == "wrong"
    assert (first["who"], first["source_hash"]) == (again["who"], again["source_hash"])
    assert first["source"] == other["source"] == "203.0.113.0/24"
    assert first["who"] != other["who"]
    assert first["source_hash"] != other["source_hash"]
    assert "lovelace" not in str(lines)
    assert "113.77" not in str(lines)


def test_what_repeats_is_logged_once_a_minute_and_the_next_line_says_how_often(monkeypatch):
    def record(cause: str) -> None:
        record_security_event(SecurityEvent.RATE_LIMITED, repeats=cause)

    with capture_logs() as lines:
        for cause in ("one", "one", "other", "one"):
            record(cause)
        # The next minute.
        monkeypatch.setattr(security_events, "_LINE_SECONDS", 0)
        record("one")
        record("one")
    assert [line.get("unlogged") for line in lines] == [None, None, 2, None]


def test_what_repeats_takes_bounded_memory(monkeypatch):
    monkeypatch.setattr(security_events, "_MAX_LINE_KEYS", 2)
    with capture_logs() as lines:
        for cause in ("first", "second", "third", "second", "first"):
            record_security_event(SecurityEvent.ORIGIN_REFUSED, repeats=cause)
    # The oldest was forgotten, and is logged again.
    assert len(lines) == 4


@pytest.mark.parametrize("service", TABLES)
async def test_counts_are_added_to_the_service_own_table(database, service):
    engine = create_engine(SecretStr(database.url_for(service)), service, pool_size=1)
    table = TABLES[service].security_counts
    await save_counts_once(engine, table)
    connection = await asyncpg.connect(database.url)
    try:
        # What tests before this one counted in the same process.
        await connection.execute(f"DELETE FROM {table.fullname}")
        for batch in (3, 2):
            for _ in range(batch):
                record_security_event(SecurityEvent.DELIVERY_FORGED)
            await save_counts_once(engine, table)
        rows = await connection.fetch(
            f"SELECT hour, count FROM {table.fullname} WHERE event = 'delivery_forged'"
        )
    finally:
        await connection.close()
        await engine.dispose()
    assert sum(row["count"] for row in rows) == 5
    assert all(row["hour"] <= datetime.now(UTC) for row in rows)


async def test_counts_survive_a_database_that_is_away(database):
    gone = create_engine(SecretStr("postgresql://x:x@127.0.0.1:1/x"), "gateway", pool_size=1)
    engine = create_engine(SecretStr(database.url_for("gateway")), "gateway", pool_size=1)
    await save_counts_once(engine, identity.security_counts)
    connection = await asyncpg.connect(database.url)
    await connection.execute("DELETE FROM identity.security_counts")
    record_security_event(SecurityEvent.ORIGIN_REFUSED)
    await save_counts_once(gone, identity.security_counts)
    await save_counts_once(engine, identity.security_counts)
    count = await connection.fetchval(
        "SELECT sum(count) FROM identity.security_counts WHERE event = 'origin_refused'"
    )
    await connection.close()
    await engine.dispose()
    await gone.dispose()
    assert count == 1
