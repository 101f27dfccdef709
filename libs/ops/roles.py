"""The services' roles in PostgreSQL. Grants on tables are the migrations' part; logging in, what
a role may do at all, and who may make temporary tables is this one's.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.exc import InternalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from libs.ops.errors import OperationError

SERVICES = ("gateway", "oauth", "webhooks", "ingestor", "analytics")
_RIGHTS = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
_CREATE = f"""DO $$ BEGIN CREATE ROLE {{role}} {_RIGHTS};
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"""
"""Another database's migration on the same server may be a moment ahead."""
_EXCESS = {
    "rolsuper": "NOSUPERUSER",
    "rolbypassrls": "NOBYPASSRLS",
    "rolcreatedb": "NOCREATEDB",
    "rolcreaterole": "NOCREATEROLE",
    "rolreplication": "NOREPLICATION",
}
"""Attribute of a role that no service's has, to what takes it away."""
RESTRICT_TEMPORARY_TABLES = """DO $$ BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO tillstream_ingestor', current_database());
END $$"""
"""Only the ingestor makes temporary tables (ADR 0014). It is a right on the database itself, which
neither a copy nor a restored dump of the database has."""
_ITERATIONS = 4096
_ALTER_ATTEMPTS = 20


def role_name(service: str) -> str:
    return f"tillstream_{service}"


def passwords_in(environment: Mapping[str, str], prefix: str) -> dict[str, str]:
    """PREFIX_GATEWAY and so on, by service name; an empty one counts as absent."""
    names = {service: f"{prefix}_{service.upper()}" for service in SERVICES}
    return {service: environment[name] for service, name in names.items() if environment.get(name)}


async def ensure_roles(owner: AsyncConnection, passwords: Mapping[str, str]) -> None:
    """Makes the roles that are missing and sets the passwords given, by service name.

    A role that exists loses what a service's has no need of: attributes, and memberships in other
    roles. A role without a password keeps the one it has, or cannot log in. Raises OperationError
    when the owner may not take something away.
    """
    found = await owner.execute(text("SELECT * FROM pg_roles"))
    known = {str(row.rolname): row for row in found}
    for service in SERVICES:
        role = role_name(service)
        if role not in known:
            await owner.exec_driver_sql(_CREATE.format(role=role))
        else:
            changes = [no for attribute, no in _EXCESS.items() if getattr(known[role], attribute)]
            if not known[role].rolcanlogin:
                changes.append("LOGIN")
            await _bring_back(owner, role, changes)
        if service in passwords:
            verifier = scram_verifier(passwords[service])
            await _alter(owner, f"ALTER ROLE {role} PASSWORD '{verifier}'")


async def restrict_temporary_tables(owner: AsyncConnection) -> None:
    """Leaves the right to make temporary tables to the one role that needs it. Safe to repeat."""
    await owner.exec_driver_sql(RESTRICT_TEMPORARY_TABLES)


async def _bring_back(owner: AsyncConnection, role: str, changes: Sequence[str]) -> None:
    memberships = await owner.scalars(
        text(
            "SELECT format('REVOKE %I FROM %I GRANTED BY %I',"
            " pg_get_userbyid(roleid), pg_get_userbyid(member), pg_get_userbyid(grantor))"
            " FROM pg_auth_members WHERE member = to_regrole(:role)"
        ),
        {"role": role},
    )
    statements = [*memberships, *([f"ALTER ROLE {role} {' '.join(changes)}"] if changes else ())]
    for statement in statements:
        try:
            await _alter(owner, statement)
        except ProgrammingError as error:
            raise OperationError(
                f"the role {role} has other rights than a service should, and the owner in "
                f"DATABASE_URL may not change that: have a superuser run: {statement}"
            ) from error


@retry(
    retry=retry_if_exception_type(InternalError),
    wait=wait_random(0, 0.2),
    stop=stop_after_attempt(_ALTER_ATTEMPTS),
    reraise=True,
)
async def _alter(owner: AsyncConnection, statement: str) -> None:
    """Roles are common to all databases of a server. While the migration of another one alters
    the same role, PostgreSQL refuses (`tuple concurrently updated`) instead of waiting.
    """
    await owner.exec_driver_sql(statement)


def scram_verifier(password: str) -> str:
    """What PostgreSQL stores for a password: sent instead of it, so that no log can hold it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    parts = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"
