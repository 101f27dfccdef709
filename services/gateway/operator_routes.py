"""What an operator may do about users: `tillstream users`. Only the caller `ops` is let in."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.errors import UserNotFoundError
from libs.common.security_events import SecurityEvent, record_security_event
from services.gateway import account_repository
from services.gateway.account_repository import ListedUser
from services.gateway.sessions import SessionStore


class UserChange(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    disabled: bool


def operator_routes(engine: AsyncEngine, sessions: SessionStore) -> APIRouter:
    router = APIRouter(prefix="/internal/users", include_in_schema=False)

    @router.get("")
    async def list_users() -> dict[str, Any]:
        now = utc_now()
        async with transaction(engine) as tx:
            users = await account_repository.list_users(tx, sessions.seen_since(now), now)
        return {"users": [_line(user) for user in users]}

    @router.patch("/{user_id}")
    async def change_user(user_id: UUID, change: UserChange) -> dict[str, Any]:
        event = SecurityEvent.USER_DISABLED if change.disabled else SecurityEvent.USER_ENABLED
        return {"ended": await _change(engine, user_id, event)}

    @router.delete("/{user_id}/sessions")
    async def end_sessions(user_id: UUID) -> dict[str, Any]:
        return {"ended": await _change(engine, user_id, SecurityEvent.SESSIONS_ENDED)}

    return router


async def _change(engine: AsyncEngine, user_id: UUID, event: SecurityEvent) -> int:
    """How many sessions ended: all, unless the user is enabled. Raises UserNotFoundError.

    The lock keeps sign-ins out meanwhile, so none begins a session for a disabled user.
    """
    ended = 0
    async with transaction(engine) as tx:
        account = await account_repository.lock_account(tx, user_id)
        if account is None:
            raise UserNotFoundError("There is no such user.")
        if event is not SecurityEvent.SESSIONS_ENDED:
            disabled_at = utc_now() if event is SecurityEvent.USER_DISABLED else None
            await account_repository.set_disabled(tx, user_id, disabled_at)
        if event is not SecurityEvent.USER_ENABLED:
            ended = await account_repository.end_sessions(tx, user_id)
    _record(event, account.username, user_id, ended)
    return ended


def _line(user: ListedUser) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "username": user.username,
        "shops": user.shops,
        "createdAt": user.created_at.isoformat(),
        "disabledAt": user.disabled_at and user.disabled_at.isoformat(),
        "sessions": user.sessions,
    }


def _record(event: SecurityEvent, username: str, user_id: UUID, ended: int) -> None:
    record_security_event(event, who=username, user_id=str(user_id), by="operator", sessions=ended)
