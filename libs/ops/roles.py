"""The services' roles in PostgreSQL. Grants are the migrations' part; logging in is this one's."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

SERVICES = ("gateway", "oauth", "webhooks", "ingestor", "analytics")
_RIGHTS = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
_ITERATIONS = 4096


def role_name(service: str) -> str:
    return f"tillstream_{service}"


def passwords_in(environment: Mapping[str, str], prefix: str) -> dict[str, str]:
    """PREFIX_GATEWAY and so on, by service name; an empty one counts as absent."""
    names = {service: f"{prefix}_{service.upper()}" for service in SERVICES}
    return {service: environment[name] for service, name in names.items() if environment.get(name)}


async def ensure_roles(owner: AsyncConnection, passwords: Mapping[str, str]) -> None:
    """Makes the roles that are missing and sets the passwords given, by service name.

    Raises nothing for a role without a password: it keeps the one it has, or cannot log in.
    """
    found = await owner.execute(text("SELECT rolname FROM pg_roles"))
    known = {str(row.rolname) for row in found}
    for service in SERVICES:
        role = role_name(service)
        if role not in known:
            await owner.execute(text(f"CREATE ROLE {role} {_RIGHTS}"))
        if service in passwords:
            verifier = scram_verifier(passwords[service])
            await owner.exec_driver_sql(f"ALTER ROLE {role} PASSWORD '{verifier}'")


def scram_verifier(password: str) -> str:
    """What PostgreSQL stores for a password: sent instead of it, so that no log can hold it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    parts = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"
