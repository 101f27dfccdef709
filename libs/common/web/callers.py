"""Internal routes: which services may call them, and the identity they call with."""

from collections.abc import Callable

from fastapi import Request

from libs.common.errors import CallerRefusedError
from libs.common.identity import CallerIdentity, TokenVerifier

_SCHEME = "Bearer "


def callers(verifier: TokenVerifier, *allowed: str) -> Callable[[Request], CallerIdentity]:
    """A dependency that answers with the caller's identity, or refuses (CALLER_REFUSED)."""
    names = frozenset(allowed)

    def identify(request: Request) -> CallerIdentity:
        header = request.headers.get("Authorization", "")
        if not header.startswith(_SCHEME):
            raise CallerRefusedError("a caller token is needed")
        return verifier.caller(header.removeprefix(_SCHEME), names)

    return identify
