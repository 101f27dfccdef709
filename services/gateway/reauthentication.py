"""Asks the signed-in user for their password again before a sensitive action.

A stolen cookie or an unlocked screen is not enough for what cannot be undone.
"""

from starlette.requests import Request

from libs.common.database.transaction import transaction
from libs.common.errors import PasswordConfirmationError
from libs.common.security_events import SecurityEvent, record_security_event
from services.gateway import repository
from services.gateway.client_address import client_address
from services.gateway.parts import Parts
from services.gateway.repository import ActiveSession
from services.gateway.sign_in_limits import Attempt


async def check_password_again(
    parts: Parts, request: Request, session: ActiveSession, password: str
) -> None:
    """Raises PasswordConfirmationError unless `password` is that of the session's user.

    Failures of one session make growing pauses, as those of sign-ins do: RateLimitedError. They
    count as failed sign-ins of a stranger too, and never against the user's other browsers. The
    error is a 403, because a 401 would sign the browser out.
    """
    address = client_address(request.scope, parts.settings.trusted_proxies)
    attempt = Attempt(session.username, address, None)
    await parts.sign_ins.admit_confirmation(attempt, str(session.id))
    async with transaction(parts.engine) as tx:
        account = await repository.find_account(tx, session.username)
    if account and await parts.passwords.matches(password, account.password_hash):
        await parts.sign_ins.confirmed(str(session.id))
        return
    await parts.sign_ins.failed(attempt)
    record_security_event(
        SecurityEvent.ACCESS_REFUSED,
        who=session.username,
        address=address,
        reason="wrong_password",
        tenant_id=str(session.tenant_id),
        path=request.url.path,
    )
    raise PasswordConfirmationError("The password is incorrect. Enter your current password.")
