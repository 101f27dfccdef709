"""A backing service that is away is waited for, by name and for a while; a refusal is final."""

import pytest

from libs.ops.broker_access import with_user
from libs.ops.errors import BackingServiceError
from libs.ops.ports import free_port
from libs.ops.reachable import wait_for_broker, wait_for_database
from tests.brokers import Broker
from tests.databases import Database


async def test_a_database_that_stays_away_is_named_and_given_up():
    said: list[str] = []
    port = free_port()
    with pytest.raises(BackingServiceError, match=f"PostgreSQL at 127.0.0.1:{port}.*given up"):
        await wait_for_database(f"postgresql://a:b@127.0.0.1:{port}/c", said.append, seconds=1)
    assert said == [f"waiting for PostgreSQL at 127.0.0.1:{port}"]


async def test_a_broker_that_stays_away_is_named_and_given_up():
    said: list[str] = []
    port = free_port()
    with pytest.raises(BackingServiceError, match=f"RabbitMQ at 127.0.0.1:{port}.*given up"):
        await wait_for_broker(f"amqp://a:b@127.0.0.1:{port}/", said.append, seconds=1)
    assert said == [f"waiting for RabbitMQ at 127.0.0.1:{port}"]


async def test_one_that_refuses_us_is_not_asked_again(database: Database, vhost: Broker):
    said: list[str] = []
    with pytest.raises(BackingServiceError, match="DATABASE_URL"):
        await wait_for_database(f"{database.url}_gone", said.append)
    with pytest.raises(BackingServiceError, match="AMQP_URL"):
        await wait_for_broker(with_user(vhost.url, "nobody", "wrong"), said.append)
    assert said == []


@pytest.mark.parametrize("query", ["sslmode=on", "sslmode=verify-full", "sslrootcrt=/ca.pem"])
async def test_a_url_whose_tls_cannot_be_relied_on_is_refused_at_once(query: str):
    with pytest.raises(BackingServiceError, match=r"^DATABASE_URL "):
        await wait_for_database(f"postgresql://a:b@127.0.0.1:9/c?{query}", [].append)


async def test_one_that_answers_is_used_at_once(database: Database, vhost: Broker):
    said: list[str] = []
    await wait_for_database(database.url, said.append)
    await wait_for_broker(vhost.url, said.append)
    assert said == []
