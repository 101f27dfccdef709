"""`tillstream keys rotate`: every stored token sealed with the first key of ENCRYPTION_KEY.

The oauth service does it, a batch at a time, while tokens are in use. Broken off, it goes on
where it was at the next call.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from libs.common.web.client import ServiceClient
from libs.ops.errors import OperationError

_PASSES = 3
"""A process with older settings may seal with an older key once more, behind a pass."""


@dataclass(slots=True)
class _Pass:
    """`left` is what is sealed with other keys at its end; `shut` counts by key what stayed so."""

    key_id: str = ""
    resealed: int = 0
    left: int = 0
    shut: Counter[str] = field(default_factory=Counter)


async def rotate_keys(oauth: ServiceClient, say: Callable[[str], None]) -> None:
    """Raises OperationError when something is left that no pass could seal anew."""
    resealed = 0
    for _ in range(_PASSES):
        made = await _pass(oauth, say)
        resealed += made.resealed
        if made.shut or not made.left:
            break
    if made.shut:
        raise OperationError("".join(_missing(*shut) for shut in sorted(made.shut.items())).strip())
    if made.left:
        raise OperationError(
            f"{made.left} credential(s) are sealed with an older key again: start every oauth "
            "process with the new ENCRYPTION_KEY, then rotate once more"
        )
    say(
        f"credentials sealed anew: {resealed}. All are sealed with the key {made.key_id} now: "
        "the others may go from ENCRYPTION_KEY."
    )


async def _pass(oauth: ServiceClient, say: Callable[[str], None]) -> _Pass:
    made, last = _Pass(), None
    while True:
        start: dict[str, str] = {} if last is None else {"after": last}
        answer: dict[str, Any] = await oauth.ask("POST", "/internal/keys/rotate", json=start)
        made.key_id, made.left = answer["keyId"], answer["left"]
        last = answer["last"]
        if last is None:
            return made
        made.resealed += answer["resealed"]
        made.shut.update(answer["shut"])
        say(f"credentials sealed anew: {made.resealed}, left: {made.left}")


def _missing(key_id: str, credentials: int) -> str:
    return (
        f"{credentials} credential(s) were sealed with the key {key_id}, which ENCRYPTION_KEY "
        "lacks or has otherwise: put it back after the first, then rotate once more\n"
    )
