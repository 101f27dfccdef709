"""What the API takes and answers about accounts: signing in, sessions, recovery, the audit log."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, RootModel

from services.gateway.schemas import Shape


class Credentials(Shape):
    username: str = Field(max_length=512)
    password: str = Field(max_length=4096, repr=False)


class SessionUser(Shape):
    id: UUID
    username: str


class SessionTenant(Shape):
    id: UUID
    shop_domain: str
    role: str


class Session(Shape):
    user: SessionUser
    tenant: SessionTenant
    expires_at: AwareDatetime


class PasswordChange(Shape):
    model_config = ConfigDict(extra="forbid")

    current_password: str = Field(max_length=4096, repr=False)
    new_password: str = Field(max_length=4096, repr=False)


class OwnSession(Shape):
    """One place where the user is signed in."""

    id: UUID = Field(description="Names the session; it opens nothing.")
    is_current: bool = Field(description="Whether it is the session of this request.")
    device: str = Field(description="What the browser said of itself, like `Firefox on Windows`.")
    network: str = Field(description="The network block it began in, or `unknown`.")
    created_at: AwareDatetime
    last_seen_at: AwareDatetime = Field(description="To the minute.")
    expires_at: AwareDatetime


class OwnSessions(Shape):
    sessions: list[OwnSession] = Field(description="The last seen first.")


class SessionsEnded(Shape):
    ended: int


class Claim(Shape):
    tenant_id: UUID
    shop_domain: str
    needs_owner: bool
    expires_at: AwareDatetime


class Recovery(Shape):
    """What the account owner at Shopify may do here."""

    shop_domain: str
    owner_username: str | None = Field(description="Null where the shop has no owner yet.")
    can_reset: bool = Field(description="Whether the owner's account is of this shop alone.")
    expires_at: AwareDatetime


class Reset(Shape):
    mode: Literal["reset"]
    password: str = Field(max_length=4096, repr=False)


class Takeover(Credentials):
    mode: Literal["takeover"]


class RecoveryChoice(RootModel[Annotated[Reset | Takeover, Field(discriminator="mode")]]):
    """What to do with the account, or with the ownership."""


class AuditEntry(Shape):
    id: UUID
    at: AwareDatetime
    action: str = Field(description="Such as `ownership_taken_over`; more may be added.")
    username: str | None = Field(description="Who did it, where a user of ours did.")
    former_owner: str | None = Field(description="Who lost the ownership by it.")


class AuditLog(Shape):
    entries: list[AuditEntry] = Field(description="The newest first.")


class Notices(Shape):
    notices: list[AuditEntry] = Field(description="The newest first, twenty at most.")


class SeenNotices(Shape):
    until: AwareDatetime = Field(description="`at` of the newest notice that was shown.")


class PasswordAgain(Shape):
    password: str = Field(max_length=4096, repr=False, description="The user's own, once more.")
