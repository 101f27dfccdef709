"""Fresh databases for tests: clones of one that the real migrations have built."""

import asyncio
import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from libs.ops.broker_access import with_user
from libs.ops.migrate import migrate
from libs.ops.roles import RESTRICT_TEMPORARY_TABLES, SERVICES, role_name
from tests.keeper import ROOT, TEST_PREFIX

_PASSWORD = "only-for-tests"
_LOCK = 7_471_153_202
_DROP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of its own. `url` is the owner's."""

    url: str

    def url_for(self, service: str) -> str:
        """As the service itself connects, with its role and no more rights than that."""
        return with_user(self.url, role_name(service), _PASSWORD)


async def ensure_template(server_url: str) -> str:
    """The name of a migrated database nobody connects to; made once per state of the code.

    The lock is taken in the server's own database: roles are common to all databases.
    """
    name = f"{TEST_PREFIX}template_{_fingerprint()}"
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            draft = f"{name}_draft"
            await connection.execute(f'DROP DATABASE IF EXISTS "{draft}"')
            await connection.execute(f'CREATE DATABASE "{draft}"')
            await migrate(_in(server_url, draft), dict.fromkeys(SERVICES, _PASSWORD))
            await connection.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
    finally:
        await connection.close()
    return name


async def create(server_url: str, template: str | None) -> Database:
    name = f"{TEST_PREFIX}{uuid4().hex}"
    # Copying files writes no log, of which a whole database would be many megabytes.
    clone = f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
    await _execute(server_url, f'CREATE DATABASE "{name}"{clone}')
    database = Database(_in(server_url, name))
    if template:
        # A clone has the template's tables, but not the rights on the database itself.
        await _execute(database.url, RESTRICT_TEMPORARY_TABLES)
    return database


async def drop(server_url: str, database: Database) -> None:
    """Gives connections a moment to close; what is left then goes at the next start."""
    name = urlsplit(database.url).path[1:]
    for _ in range(_DROP_SECONDS * 10):
        try:
            await _execute(server_url, f'DROP DATABASE IF EXISTS "{name}"')
        except asyncpg.ObjectInUseError:
            await asyncio.sleep(0.1)
        else:
            return


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _in(server_url: str, name: str) -> str:
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def _fingerprint() -> str:
    digest = hashlib.sha256()
    scripts = ROOT / "libs/ops/migrations"
    for path in sorted(scripts.rglob("*")):
        if path.suffix in (".py", ".sql"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
