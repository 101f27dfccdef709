"""Asks the signed-in user for their password again before a sensitive action.

A stolen cookie or an unlocked screen is not enough for what cannot be undone.
"""

from starlette.requests import Request

from libs.common.database.transaction import transaction
from libs.common.errors import PasswordConfirmationError
from libs.common.security_events import SecurityEvent, record_security_event
from services.gateway import accounts, repository
from services.gateway.client_address import client_address
from services.gateway.parts import Parts
from services.gateway.repository import ActiveSession


async def check_password_again(
    parts: Parts, request: Request, session: ActiveSession, password: str
) -> None:
    """Raises PasswordConfirmationError unless `password` is that of the session's user.

    Attempts count as sign-ins do, and the same limits apply: RateLimitedError. The error is a
    403, because a 401 would sign the browser out.
    """
    await parts.limits.check_user_name(request, session.username)
    encoded = accounts.password_bytes(password)
    async with transaction(parts.engine) as tx:
        account = await repository.find_account(tx, session.username)
    if account and await parts.passwords.matches(encoded, account.password_hash):
        return
    record_security_event(
        SecurityEvent.ACCESS_REFUSED,
        who=session.username,
        address=client_address(request.scope, parts.settings.trusted_proxies),
        reason="wrong_password",
        tenant_id=str(session.tenant_id),
        path=request.url.path,
    )
    raise PasswordConfirmationError("The password is incorrect. Enter your current password.")
