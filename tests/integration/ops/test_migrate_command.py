"""`tillstream migrate` as a container job runs it, on an empty database and an empty broker."""

import os
import subprocess

import aio_pika
import asyncpg
import pytest
from aiormq.exceptions import ChannelAccessRefused

from libs.common.messaging.topology import DEAD_QUEUE
from libs.ops.broker_access import SERVICE_PERMISSIONS, service_urls
from libs.ops.roles import SERVICES
from tests import covered

PASSWORD = "only-for-tests"


def _migrate(**environment: str) -> subprocess.CompletedProcess[str]:
    passwords = {
        f"{kind}_PASSWORD_{name.upper()}": PASSWORD
        for kind in ("DATABASE", "BROKER")
        for name in SERVICES
    }
    return subprocess.run(
        [*covered.python(), "-m", "libs.ops.cli", "migrate"],
        env={**os.environ, **passwords, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_every_service_can_sign_in_with_the_password_given_and_do_no_more_than_its_part(
    empty_database, vhost
):
    done = _migrate(
        DATABASE_URL=empty_database.url,
        AMQP_URL=vhost.url,
        RABBITMQ_MANAGEMENT_URL=vhost.management_url,
    )
    assert done.returncode == 0, done.stderr
    for name in SERVICES:
        connection = await asyncpg.connect(empty_database.url_for(name))
        await connection.close()
    urls = service_urls(vhost.url, dict.fromkeys(SERVICE_PERMISSIONS, PASSWORD))
    for name, url in urls.items():
        async with await aio_pika.connect(url) as broker:
            channel = await broker.channel()
            if name == "ingestor":
                await channel.get_queue(DEAD_QUEUE)
            with pytest.raises(ChannelAccessRefused):
                await channel.declare_queue("not-mine", durable=True)


async def test_a_management_api_that_is_not_there_fails_the_job(empty_database, vhost):
    done = _migrate(
        DATABASE_URL=empty_database.url,
        AMQP_URL=vhost.url,
        RABBITMQ_MANAGEMENT_URL="http://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert "RABBITMQ_MANAGEMENT_URL" in done.stderr
    assert PASSWORD not in done.stderr
