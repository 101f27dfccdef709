"""Who is signed in to a shop's admin: whoever approves there, and whom an online token is of.

Source: shopify.dev, "Online access tokens".
"""

from msgspec import Struct

_OWNERS_ID = 548_380_009


class AssociatedUser(Struct, frozen=True):
    """As the token endpoint tells of a person."""

    id: int
    first_name: str
    last_name: str
    email: str
    email_verified: bool
    account_owner: bool
    locale: str
    collaborator: bool


class Approver(Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The body of POST /_control/shops/{shop}/approver. Without one it is the account owner."""

    id: int = _OWNERS_ID
    account_owner: bool = True
    collaborator: bool = False
    email_verified: bool = True
    declines: bool = False

    def __post_init__(self) -> None:
        if self.id < 1:
            raise ValueError("id must be a whole number from 1")
        if self.account_owner and self.collaborator:
            raise ValueError("an account owner is no collaborator")

    def user(self, shop_name: str) -> AssociatedUser:
        kind = "owner" if self.account_owner else "staff"
        return AssociatedUser(
            id=self.id,
            first_name=kind.title(),
            last_name=f"of {shop_name}",
            email=f"{kind}-{self.id}@{shop_name}.example",
            email_verified=self.email_verified,
            account_owner=self.account_owner,
            locale="en",
            collaborator=self.collaborator,
        )
