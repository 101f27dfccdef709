"""People who use a gateway, put there by the owner of the database and not by the gateway."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import bcrypt
import httpx

from tests.integration.gateway.platform import Platform

_CHEAPEST_COST = 4
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


class Members:
    def __init__(self, owner: asyncpg.Connection) -> None:
        self.owner = owner

    async def add(self, *tenants: UUID, username: str | None = None, password: str = "x") -> UUID:
        """A user who belongs to `tenants`, and joined them in that order."""
        user_id = uuid4()
        # The hash is a real one and the cheapest there is: that of new passwords is P35's matter.
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_CHEAPEST_COST)).decode()
        await self.owner.execute(
            "INSERT INTO identity.users (id, username, password_hash) VALUES ($1, $2, $3)",
            *(user_id, username or f"user-{user_id}", hashed),
        )
        await self.owner.executemany(
            "INSERT INTO identity.memberships (tenant_id, user_id, shop_domain, role, created_at)"
            " VALUES ($1, $2, $3, 'viewer', $4)",
            [
                (tenant, user_id, f"{tenant}.myshopify.com", _FIRST_DAY + timedelta(days=place))
                for place, tenant in enumerate(tenants)
            ],
        )
        return user_id

    async def sign_in(
        self, gateway: Platform, user_id: UUID, tenant_id: UUID, *, hours: float = 1
    ) -> str:
        """The token of a new session, which lasts for `hours`: none when that is below zero."""
        token = gateway.parts.sessions.with_check(secrets.token_urlsafe(32))
        await self.owner.execute(
            "INSERT INTO identity.sessions (token_hash, user_id, tenant_id, created_at, expires_at)"
            " VALUES ($1, $2, $3, now(), now() + $4)",
            *(token_hash(gateway, token), user_id, tenant_id, timedelta(hours=hours)),
        )
        return token


def token_hash(gateway: Platform, token: str) -> bytes:
    """As the database keeps it."""
    secret = gateway.parts.settings.session_secret.get_secret_value()
    return hmac.digest(secret.encode(), token.encode(), hashlib.sha256)


async def get(
    browser: httpx.AsyncClient, token: str, path: str, params: Mapping[str, Any] | None = None
) -> httpx.Response:
    browser.cookies.clear()
    return await browser.get(path, params=params, headers={"Cookie": f"session={token}"})
