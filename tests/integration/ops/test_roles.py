"""A role that exists is brought to exactly the rights of a service."""

import asyncpg
import pytest

from libs.ops.broker_access import with_user
from libs.ops.errors import OperationError
from libs.ops.migrate import migrate
from libs.ops.postgres import private_postgres
from libs.ops.roles import SERVICES, role_name

PASSWORDS = dict.fromkeys(SERVICES, "only-for-tests")
POWERS = ("rolsuper", "rolbypassrls", "rolcreatedb", "rolcreaterole", "rolreplication")


async def _powers(url: str, role: str) -> tuple[list[str], list[str]]:
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
    groups = await connection.fetch(
        "SELECT roleid::regrole::text AS name FROM pg_auth_members WHERE member = $1::regrole", role
    )
    await connection.close()
    return [name for name in POWERS if row[name]], [group["name"] for group in groups]


async def test_what_a_role_has_beyond_its_part_is_taken_back_or_the_start_says_who_can(tmp_path):
    """On a server of its own: roles are common to all databases of one."""
    role = role_name("analytics")
    async with private_postgres(tmp_path) as server:
        await migrate(server.owner_url, PASSWORDS)
        admin = await asyncpg.connect(server.admin_url)
        await admin.execute(f"ALTER ROLE {role} CREATEDB CREATEROLE NOLOGIN")
        owner = await asyncpg.connect(server.owner_url)
        await owner.execute(f"GRANT {role_name('ingestor')} TO {role}")
        await owner.close()
        await migrate(server.owner_url, PASSWORDS)
        assert await _powers(server.owner_url, role) == ([], [])
        await (await asyncpg.connect(with_user(server.owner_url, role, "only-for-tests"))).close()

        await admin.execute(f"ALTER ROLE {role} BYPASSRLS SUPERUSER")
        with pytest.raises(OperationError, match=f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS"):
            await migrate(server.owner_url, PASSWORDS)
        await admin.close()
        superuser = with_user(server.owner_url, "postgres", _password(server.admin_url))
        await migrate(superuser, PASSWORDS)
        assert await _powers(server.owner_url, role) == ([], [])


def _password(url: str) -> str:
    return url.split("@", maxsplit=1)[0].rpartition(":")[2]
