"""The doctor names what needs a person: dead letters, failing figures, old keys, certificates."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
import trustme

from libs.common.database.engine import create_engine
from libs.ops import keyring
from libs.ops.diagnosis.ages import check_certificates, check_keys
from libs.ops.diagnosis.database import look_at_database
from libs.ops.diagnosis.erasures import brake, check_erasures, erasures_waiting
from libs.ops.diagnosis.figures import check_figures, shops_of
from libs.ops.diagnosis.findings import duration
from libs.ops.files import read_json, write_json
from services.analytics.main import create_app
from services.analytics.settings import AnalyticsSettings
from tests.caller_keys import CallerKeys
from tests.http_servers import serving
from tests.integration.analytics.shop_facts import Order, Shop


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_199, "120 min"),
        (7_200, "2 h"),
        (9e5, "10 d"),
    ],
)
def test_duration_uses_the_largest_unit_of_which_there_are_two(seconds, text):
    assert duration(seconds) == text


async def _connected(shop):
    """As oauth leaves a connected shop: a tenant, and its entry in the directory."""
    await shop.connect()
    async with shop.connection() as connection:
        await connection.execute(
            "INSERT INTO tenancy.shop_directory (domain, tenant_id, status)"
            " VALUES ($1, $2, 'active')",
            f"shop-{shop.tenant_id.hex[:8]}.myshopify.com",
            shop.tenant_id,
        )


async def _findings(url):
    return {finding.what: finding for finding in await look_at_database(url)}


async def test_dead_letters_of_any_tenant_are_wrong_and_told_with_age_and_reasons(database):
    assert (await _findings(database.url))["dead letters"].ok
    shop = Shop(database.url)
    await shop.connect()
    # As an owner who is no superuser sees it: row-level security binds that one too.
    async with shop.connection() as connection:
        await connection.execute(
            """
            INSERT INTO store.dead_letters
                (tenant_id, id, consumer, kind, reason, attempts, topic, record, created_at)
            SELECT $1, gen_random_uuid(), 'deliveries.store', 'delivery', reason, 1, topic, '',
                   now() - age
            FROM (VALUES ('body_malformed', 'orders/create', interval '26 hours'),
                         ('body_malformed', 'orders/create', interval '1 hour'),
                         ('currency_unknown', 'orders/updated', interval '1 minute'))
                 AS letters (reason, topic, age)""",
            shop.tenant_id,
        )
        await connection.execute(
            "SELECT set_config('app.tenant_ids', '{00000000-0000-0000-0000-000000000000}', false)"
        )
        await connection.execute(
            """
            INSERT INTO store.dead_letters
                (tenant_id, id, consumer, kind, reason, attempts, record)
            VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(),
                    'events.gateway', 'message', 'message_unreadable', 0, '')"""
        )
    finding = (await _findings(database.url))["dead letters"]
    assert not finding.ok
    assert finding.seen == (
        "4, the oldest 26 h old: orders/create body_malformed (2), "
        "events.gateway message_unreadable (1), orders/updated currency_unknown (1)"
    )


async def test_held_redactions_are_wrong_and_waiting_deletions_are_not(database):
    shop = Shop(database.url)
    await shop.connect()

    async def deletions(**values):
        async with shop.connection() as connection:
            await connection.execute("DELETE FROM store.deletion_turns")
            await connection.execute(
                "INSERT INTO store.deletion_turns (tenant_id, due_at, failures, waiting, held)"
                " VALUES ($1, now() - $2::interval, $3, $4, $5)",
                shop.tenant_id,
                values.get("late", timedelta(0)),
                values.get("failures", 0),
                values.get("waiting", 0),
                values.get("held", 0),
            )
        return (await _findings(database.url))["deletions"]

    waiting = await deletions(waiting=3)
    assert waiting.ok
    assert waiting.seen == "3 waiting for Shopify's answer, 0 redactions held"
    stuck = await deletions(waiting=3, failures=4, late=timedelta(hours=1))
    assert stuck.ok
    assert stuck.seen.endswith(", 1 shops cannot be asked now")
    assert not (await deletions(waiting=3, late=timedelta(minutes=5))).ok
    held = await deletions(held=1)
    assert not held.ok
    assert "tillstream redactions" in held.to_do


def _listed(*states, stopped_at=None):
    lines = [{"state": state} for state in states]
    return {
        "erasures": lines,
        "stoppedAt": stopped_at,
        "departuresLastHour": 21,
        "departuresLimit": 20,
    }


def test_held_erasures_and_a_stopped_lane_are_wrong():
    assert erasures_waiting(_listed("done")).seen == "none waits"
    assert erasures_waiting(_listed("scheduled", "scheduled", "running")).ok
    held = erasures_waiting(_listed("scheduled", "held"))
    assert not held.ok
    assert held.seen == "1 held, 1 scheduled"
    assert brake(_listed()).ok
    stopped = brake(_listed(stopped_at="2026-11-30T10:00:00Z"))
    assert not stopped.ok
    assert "stopped since 2026-11-30T10:00:00Z, 21 of 20" in stopped.seen
    assert "resume" in stopped.to_do


async def test_oauth_that_gives_no_answer_is_not_taken_for_well(tmp_path):
    write_json(tmp_path / "secrets.json", {"caller_key_ops": CallerKeys().private["ops"]})
    assert await check_erasures(tmp_path, None) == []
    [finding] = await check_erasures(tmp_path, "http://127.0.0.1:9")
    assert not finding.ok


async def test_events_at_the_doors_are_told_and_everyday_ones_are_not(database):
    connection = await asyncpg.connect(database.url)
    await connection.execute(
        """
        INSERT INTO intake.security_counts VALUES (date_trunc('hour', now()), 'delivery_forged', 4);
        INSERT INTO identity.security_counts VALUES
            (date_trunc('hour', now()), 'sign_in_refused', 9),
            (date_trunc('hour', now()), 'signed_in', 7),
            (now() - interval '3 days', 'origin_refused', 1)"""
    )
    await connection.close()
    finding = (await _findings(database.url))["security events"]
    assert finding.ok
    assert finding.seen == "in the last 24 hours: sign_in_refused (9), delivery_forged (4)"


@asynccontextmanager
async def _analytics(database, folder: Path) -> AsyncIterator[str]:
    keys = CallerKeys()
    write_json(folder / "secrets.json", {"caller_key_ops": keys.private["ops"]})
    settings = AnalyticsSettings.from_environment(
        {"DATABASE_URL": database.url_for("analytics"), "CALLER_PUBLIC_KEYS": keys.public_list}
    )
    engine = create_engine(settings.database_url, "analytics", pool_size=2)
    async with serving(create_app(settings, engine)) as url:
        yield url
    await engine.dispose()


async def test_tenants_whose_figures_fail_are_named_and_the_others_are_not(
    database, tmp_path, monkeypatch
):
    monkeypatch.delenv("CALLER_PRIVATE_KEY", raising=False)
    total = Decimal("45.00")
    well = Shop(database.url, orders=[Order(1, date(2026, 11, 1), total)])
    # No writer of ours leaves such an amount, and no answer can be made of it.
    ill = Shop(database.url, orders=[Order(1, date(2026, 11, 1), Decimal("NaN"))])
    for shop in (well, ill):
        await _connected(shop)
        await shop.write()
    shops = await shops_of(database.url)
    assert len(shops) == 2
    domain = dict(shops)[ill.tenant_id]

    async with _analytics(database, tmp_path) as url:
        [finding] = await check_figures(tmp_path, url, shops)
        [fine] = await check_figures(
            tmp_path, url, [each for each in shops if each[0] == well.tenant_id]
        )

    assert fine.ok
    assert fine.seen == "each of 1 tenants gets its figures"
    assert not finding.ok
    assert finding.seen == (f"1 of 2 tenants get an error: {domain} (summary: status 500)")


async def test_analytics_that_gives_no_answer_is_not_taken_for_well(database, tmp_path):
    shop = Shop(database.url)
    await _connected(shop)
    write_json(tmp_path / "secrets.json", {"caller_key_ops": CallerKeys().private["ops"]})
    shops = await shops_of(database.url)
    [finding] = await check_figures(tmp_path, "http://127.0.0.1:9", shops)
    assert not finding.ok
    assert "SERVICE_UNAVAILABLE" in finding.seen


async def test_figures_are_not_taken_for_well_where_the_database_names_no_shops(
    empty_database, tmp_path
):
    for url in ("postgresql://owner:x@127.0.0.1:9/tillstream", empty_database.url):
        [finding] = await check_figures(tmp_path, "http://127.0.0.1:9", await shops_of(url))
        assert not finding.ok
        assert finding.seen.startswith("not known")


def test_keys_are_wrong_after_a_year_and_new_once_replaced(tmp_path):
    path = tmp_path / "secrets.json"
    makers = {"encryption_key": keyring.key_32, "session_secret": keyring.password}
    keyring.stored(path, makers)
    assert check_keys(path).ok
    ages_file = tmp_path / "secrets-ages.json"
    ages = read_json(ages_file)
    assert set(ages) == set(makers)
    for secret in read_json(path).values():
        assert secret not in ages_file.read_text()
    assert os.stat(ages_file).st_mode & 0o777 == 0o600
    ages["encryption_key"]["since"] = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    write_json(ages_file, ages)
    finding = check_keys(path)
    assert not finding.ok
    assert finding.seen == "2, the oldest 400 days old; over 365 days: encryption_key"

    replaced = read_json(path) | {"encryption_key": keyring.key_32()}
    write_json(path, replaced)
    keyring.stored(path, makers)
    assert check_keys(path).ok


def _hang_up(_reader, writer):
    writer.close()


@asynccontextmanager
async def _tls_server(days: int) -> AsyncIterator[str]:
    certificate = trustme.CA().issue_cert(
        "127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=days)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(
        lambda _reader, writer: writer.close(), sock=listener, ssl=context
    )
    async with server:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("days", "ok", "word"),
    [(90, True, "good until"), (7, False, "ends on"), (-2, False, "ended on")],
)
async def test_certificates_that_end_soon_are_wrong(days, ok, word):
    async with _tls_server(days) as url:
        [finding] = await check_certificates({"the gateway": url, "webhooks": "http://127.0.0.1:1"})
    assert finding.ok == ok
    assert finding.seen.startswith(word)


async def test_certificate_of_a_door_that_is_shut_is_not_taken_for_good():
    [finding] = await check_certificates({"the gateway": "https://127.0.0.1:9"})
    assert not finding.ok
