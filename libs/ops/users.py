"""`tillstream users`: the users of this deployment, as the gateway tells and changes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from libs.common.web.client import ServiceClient
from libs.ops.errors import OperationError

_USERS = "/internal/users"
_COLUMNS = ("user", "shops", "since", "sessions", "state")


async def show_users(gateway: ServiceClient, console: Console) -> None:
    """One line a user: which shops they see, and whether they are signed in."""
    table = Table(*_COLUMNS)
    for user in (await gateway.ask("GET", _USERS))["users"]:
        disabled = user["disabledAt"]
        table.add_row(
            user["username"],
            "\n".join(user["shops"]),
            _day(user["createdAt"]),
            str(user["sessions"]),
            f"disabled {_day(disabled)}" if disabled else "active",
        )
    console.print(table)


async def set_disabled(gateway: ServiceClient, username: str, *, disabled: bool) -> int:
    """How many sessions ended. Raises OperationError when there is no such user."""
    user = await _user(gateway, username)
    change = {"disabled": disabled}
    answer = await gateway.ask("PATCH", f"{_USERS}/{user['id']}", json=change)
    return int(answer["ended"])


async def end_sessions(gateway: ServiceClient, username: str) -> int:
    """How many sessions ended. Raises OperationError when there is no such user."""
    user = await _user(gateway, username)
    answer = await gateway.ask("DELETE", f"{_USERS}/{user['id']}/sessions")
    return int(answer["ended"])


async def _user(gateway: ServiceClient, username: str) -> Mapping[str, Any]:
    for user in (await gateway.ask("GET", _USERS))["users"]:
        if username.strip().casefold() in (user["username"], user["id"]):
            return dict(user)
    raise OperationError("there is no such user; `tillstream users list` names all")


def _day(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d")
