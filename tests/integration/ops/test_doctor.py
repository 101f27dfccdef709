"""The doctor tells what is well from what is wrong, and says what to do about it."""

import os
import subprocess
import sys

import aio_pika
import asyncpg
import httpx
import pytest

from libs.common.messaging import topology
from libs.ops.diagnosis.broker import look_at_broker, look_at_queue
from libs.ops.diagnosis.database import look_at_database
from libs.ops.diagnosis.doctor import (
    examine,
    look_at_dashboard,
    look_at_disk,
    look_at_door,
    look_at_process,
)
from libs.ops.diagnosis.shopify import (
    look_at_shopify,
    unknown_fields,
    unreadable_fields,
    versions_served,
)
from tests import covered

NOBODY = "127.0.0.1:9"
PASSWORD = "never-to-be-shown"


async def _leave(_message):
    """A consumer that takes nothing."""


def _wrong(findings):
    return {finding.what for finding in findings if not finding.ok}


async def test_a_migrated_database_is_well(database):
    findings = await look_at_database(database.url)
    looked_at = {
        *("database", "migrations", "roles", "clock", "spool", "outbox"),
        *(
            *("consumers", "time zones"),
            "dead letters",
            "privacy requests",
            "deletions",
            "tasks",
            "totals",
            "security events",
        ),
    }
    assert {finding.what for finding in findings} == looked_at
    assert _wrong(findings) == set()


async def test_a_consumer_that_pauses_is_wrong_for_as_long_as_it_says_so(database):
    connection = await asyncpg.connect(database.url)
    await connection.execute(
        "INSERT INTO store.consumer_pauses (consumer, since, dead, records, tenants, reason)"
        " VALUES ('deliveries.store', now() - interval '3 minutes', 300, 900, 7, 'not_json')"
    )
    [told] = [each for each in await look_at_database(database.url) if each.what == "consumers"]
    await connection.execute("UPDATE store.consumer_pauses SET seen_at = now() - interval '2 min'")
    [then] = [each for each in await look_at_database(database.url) if each.what == "consumers"]
    await connection.close()

    assert told.seen == (
        "deliveries.store pauses since 3 min: 300 of its last 900 records, of 7 shops, would be "
        "dead letters (not_json)"
    )
    assert not told.ok
    assert then.ok


async def test_what_waits_in_the_database_is_told_with_its_age_and_wrong_after_a_minute(database):
    connection = await asyncpg.connect(database.url)
    await connection.execute(
        "INSERT INTO intake.spool (lane, record, received_at) VALUES"
        " ('deliveries.store', '', now() - interval '3 minutes'), ('deliveries.store', '', now())"
    )
    await connection.execute(
        "INSERT INTO tenancy.outbox (event_id, type, tenant_id, body, created_at) VALUES"
        " (uuidv7(), 'tenant.connected.v1', uuidv7(), '{}', now() - interval '5 seconds')"
    )
    await connection.close()

    findings = {finding.what: finding for finding in await look_at_database(database.url)}

    seen, _, age = findings["spool"].seen.partition(", the oldest for ")
    assert seen == "2 waiting"
    assert age.endswith(" min")
    assert 3 <= int(age.removesuffix(" min")) < 60
    assert not findings["spool"].ok
    assert findings["outbox"].seen.startswith("1 waiting, the oldest for ")
    assert findings["outbox"].ok


async def test_a_database_without_migrations_is_to_be_migrated(empty_database, database):
    findings = await look_at_database(empty_database.url)
    assert _wrong(findings) == {"migrations"}
    assert "tillstream migrate" in "".join(map(str, findings))


async def test_a_database_of_an_older_version_is_to_be_migrated(database):
    connection = await asyncpg.connect(database.url)
    await connection.execute("UPDATE schema_history SET version_num = 'older'")
    await connection.close()
    assert _wrong(await look_at_database(database.url)) == {"migrations"}


async def test_servers_that_do_not_answer_are_named_without_their_passwords():
    findings = [
        *await look_at_database(f"postgresql://owner:{PASSWORD}@{NOBODY}/tillstream"),
        *await look_at_broker(f"amqp://owner:{PASSWORD}@{NOBODY}/", None),
    ]
    text = "".join(map(str, findings))
    assert _wrong(findings) == {"database", "broker"}
    assert NOBODY in text
    assert PASSWORD not in text


async def test_a_broker_without_queues_is_to_be_migrated(vhost):
    findings = await look_at_broker(vhost.url, vhost.management_url)
    queues = {f"queue {name}" for name in (*topology.WORK_QUEUES, topology.DEAD_QUEUE)}
    assert _wrong(findings) == queues
    assert "tillstream migrate" in "".join(map(str, findings))


async def test_a_queue_is_well_once_somebody_reads_it(broker):
    connection = await aio_pika.connect(broker.url)
    async with connection:
        unread = await look_at_queue(connection, topology.DEAD_QUEUE)
        channel = await connection.channel()
        queue = await channel.get_queue(topology.DEAD_QUEUE)
        await queue.consume(_leave)
        read = await look_at_queue(connection, topology.DEAD_QUEUE)
    assert not unread.ok
    assert read.ok


async def test_an_alarm_that_cannot_be_asked_for_is_not_taken_for_none(broker):
    findings = await look_at_broker(broker.url, f"http://{NOBODY}")
    assert "broker alarms" in _wrong(findings)


async def test_a_door_that_is_shut_is_wrong():
    async with httpx.AsyncClient(timeout=60) as http:
        assert not (await look_at_door(http, "gateway", 9)).ok


def test_a_process_that_ended_is_wrong_and_a_living_one_is_well():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not look_at_process("gateway", ended.pid).ok
    assert look_at_process("gateway", os.getpid()).ok


def test_a_dashboard_that_was_not_built_is_wrong(tmp_path):
    assert not look_at_dashboard(tmp_path).ok


def test_the_disk_is_looked_at_even_where_the_folder_is_not_yet(tmp_path):
    assert str(tmp_path) in str(look_at_disk(tmp_path / "not" / "yet"))


async def test_where_nothing_runs_that_is_what_is_wrong(tmp_path):
    assert "state file" in _wrong(await examine(tmp_path))


@pytest.mark.parametrize("arguments", [(), ("--smoke", "fernwood.myshopify.com")])
def test_the_command_fails_when_something_is_wrong(tmp_path, arguments):
    done = subprocess.run(
        [*covered.python(), "-m", "libs.ops.cli", "doctor", "--data-dir", tmp_path, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert ("--password-stdin" in done.stderr) == bool(arguments)
    assert ("WRONG  state file" in done.stdout) == (not arguments)


def _schedule(*served):
    lines = [
        {"domain": f"shop-{number}.myshopify.com", "servedVersion": version}
        for number, version in enumerate(served)
    ]
    return {"apiVersion": "2026-10", "tenants": lines}


def test_shops_that_are_served_another_version_of_the_api_are_named_with_what_to_do():
    assert [each.ok for each in versions_served(_schedule())] == [True]
    assert [each.ok for each in versions_served(_schedule(None, "2026-10"))] == [True]

    [wrong] = versions_served(_schedule("2026-10", *["2027-01"] * 7))

    assert not wrong.ok
    assert "2027-01 is served in place of 2026-10" in wrong.seen
    assert wrong.seen.endswith("shop-5.myshopify.com and 2 more")


def test_fields_that_shopify_does_not_publish_are_told_of_all_shops_and_are_no_fault():
    def line(**deliveries):
        fields = [
            {"topic": "orders/updated", "field": field, "deliveries": number}
            for field, number in deliveries.items()
        ]
        return {"unknownFields": fields}

    assert unknown_fields({"tenants": [line()]}).ok

    finding = unknown_fields({"tenants": [line(mood=1, hue=2), line(mood=4)]})

    assert finding.ok
    assert finding.seen.endswith(": orders/updated mood (in 5), orders/updated hue (in 2)")


def test_values_that_could_not_be_read_are_told_of_all_shops_and_are_no_fault():
    def line(**records):
        fields = [
            {"topic": "orders", "field": field, "records": number}
            for field, number in records.items()
        ]
        return {"unreadableFields": fields}

    assert unreadable_fields({"tenants": [line()]}).ok

    finding = unreadable_fields({"tenants": [line(processedAt=1, name=2), line(processedAt=4)]})

    assert finding.ok
    assert finding.seen.endswith(": orders processedAt (in 5), orders name (in 2)")


async def test_an_ingestor_that_gives_no_answer_is_not_taken_for_a_good_one(tmp_path):
    assert await look_at_shopify(tmp_path, None) == []
    assert _wrong(await look_at_shopify(tmp_path, f"http://{NOBODY}")) == {"Shopify API"}
