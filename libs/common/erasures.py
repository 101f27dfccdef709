"""Whether a tenant is being erased: oauth knows, and whoever holds rows of the tenant asks.

An event comes over the broker, where another could have written it. So nobody deletes anything,
or ends anybody's access, on the word of an event alone.
"""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from libs.common.errors import PermanentError, ServiceUnavailableError, TenantNotFoundError
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.client import ServiceClient


class Erasure(BaseModel):
    """An erasure as oauth knows it. Rows go when it is running, and not before `due_at`."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )

    state: Literal["scheduled", "running", "done"]
    due_at: AwareDatetime | None = None


async def find_erasure(oauth: ServiceClient, tenant_id: UUID) -> Erasure | None:
    """The tenant's erasure; None when there is none, or it was cancelled.

    Raises ServiceUnavailableError when oauth gives neither answer.
    """
    try:
        answer = await oauth.ask("GET", f"/internal/erasures/{tenant_id}", tenant_id=tenant_id)
    except TenantNotFoundError:
        return None
    except PermanentError as error:
        # Not about this tenant: oauth does not know this service, or not yet this question.
        raise ServiceUnavailableError("The oauth service did not say.", service="oauth") from error
    return Erasure.model_validate(answer)


async def check_erasure_is_due(oauth: ServiceClient, tenant_id: UUID) -> Erasure:
    """Return when the tenant's rows may go: its erasure, which is running or done.

    Raises PermanentError when it is not, and ServiceUnavailableError when oauth does not say.
    """
    erasure = await find_erasure(oauth, tenant_id)
    if erasure is None or erasure.state == "scheduled":
        record_security_event(
            SecurityEvent.ERASURE_UNKNOWN,
            tenant_id=str(tenant_id),
            state=erasure and erasure.state,
        )
        raise PermanentError("oauth knows of no such erasure", reason="erasure_unknown")
    return erasure
