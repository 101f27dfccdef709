"""Connections to PostgreSQL and RabbitMQ verify who answers, by an authority of our own."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
import trustme
from pydantic import SecretStr

from libs.common.database.engine import create_engine, ping
from libs.common.errors import BrokerUnavailableError, DatabaseUnavailableError
from libs.common.messaging.connections import close, connect
from libs.ops.migrate import migrate
from libs.ops.roles import SERVICES
from tests.integration.messaging.queues import Door


@dataclass(frozen=True, slots=True)
class Authorities:
    """Files with certificates of authorities: ours, and one that certified nothing here."""

    ours: trustme.CA
    ours_file: Path
    other_file: Path


@pytest.fixture
def authorities(tmp_path: Path) -> Authorities:
    ours, other = trustme.CA(), trustme.CA()
    made = Authorities(ours, tmp_path / "ours.pem", tmp_path / "other.pem")
    ours.cert_pem.write_to_path(made.ours_file)
    other.cert_pem.write_to_path(made.other_file)
    return made


@pytest.fixture
def certified(authorities: Authorities) -> SSLContext:
    """A server's side, certified as 127.0.0.1 and by no other name."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authorities.ours.issue_cert("127.0.0.1").configure_cert(context)
    return context


class _EncryptedDoor(Door):
    """Ends TLS in front of a server that has none."""

    def __init__(self, target: str, context: SSLContext) -> None:
        super().__init__(target)
        self._context = context

    async def unlock(self) -> None:
        self._server = await asyncio.start_server(
            self._pass, "127.0.0.1", self._port_here, ssl=self._context, reuse_port=True
        )


class _PostgresDoor(_EncryptedDoor):
    """PostgreSQL's own prelude before TLS (its protocol, section "SSL Session Encryption").

    A client that does not ask for TLS is counted and sent away.
    """

    plain = 0
    encrypted = 0

    async def unlock(self) -> None:
        self._server = await asyncio.start_server(
            self._admit, "127.0.0.1", self._port_here, reuse_port=True
        )

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(len(_SSL_REQUEST))
        if first != _SSL_REQUEST:
            self.plain += 1
            writer.transport.abort()
            return
        writer.write(b"S")
        try:
            await writer.start_tls(self._context)
        except (OSError, EOFError):
            writer.transport.abort()
            return
        self.encrypted += 1
        await self._pass(reader, writer)


_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


async def _reaches(url: str) -> bool:
    """Whether the services' engine gets through."""
    engine = create_engine(SecretStr(url), "test")
    try:
        await ping(engine)
    except DatabaseUnavailableError:
        return False
    finally:
        await engine.dispose()
    return True


async def test_a_database_is_believed_by_its_authority_and_its_name(
    empty_database, authorities, certified
):
    ours, other = authorities.ours_file, authorities.other_file
    async with _PostgresDoor(empty_database.url, certified) as door:
        by_another_name = door.url.replace("@127.0.0.1:", "@localhost:")
        assert await _reaches(f"{door.url}?sslmode=verify-full&sslrootcert={ours}")
        assert not await _reaches(f"{door.url}?sslmode=verify-full&sslrootcert={other}")
        assert not await _reaches(f"{by_another_name}?sslmode=verify-full&sslrootcert={ours}")
        assert await _reaches(f"{by_another_name}?sslmode=verify-ca&sslrootcert={ours}")
        assert not await _reaches(f"{by_another_name}?sslmode=verify-ca&sslrootcert={other}")
        assert await _reaches(f"{door.url}?sslmode=require")
        assert not await _reaches(f"{door.url}?sslmode=require&sslrootcert={other}")
        before = door.encrypted
        # The migrations and the roles come by the same parameters.
        owner = f"{door.url}?sslmode=verify-full&sslrootcert={ours}"
        await migrate(owner, dict.fromkeys(SERVICES, "only-for-tests"))
        assert door.encrypted > before
        assert door.plain == 0


async def _is_taken(url: str) -> bool:
    try:
        connection = await connect(SecretStr(url), "test")
    except BrokerUnavailableError:
        return False
    await close(connection)
    return True


async def test_a_broker_is_believed_by_its_authority_and_its_name(vhost, authorities, certified):
    async with _EncryptedDoor(vhost.url, certified) as door:
        url = "amqps" + door.url.removeprefix("amqp")
        by_another_name = url.replace("@127.0.0.1:", "@localhost:")
        assert await _is_taken(f"{url}?cafile={authorities.ours_file}")
        assert not await _is_taken(f"{url}?cafile={authorities.other_file}")
        assert not await _is_taken(f"{by_another_name}?cafile={authorities.ours_file}")
        assert not await _is_taken(url)
