"""What Shopify says of the person whose online token it is."""

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.errors import ShopifyAuthError


class AssociatedUser(BaseModel):
    """Name and e-mail address are left out: they are needed for nothing.

    Whether the address is verified makes no difference either, for nobody is known by it.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    id: int = Field(gt=0)
    account_owner: bool
    collaborator: bool


class _OnlineAnswer(BaseModel):
    model_config = ConfigDict(strict=True)

    associated_user: AssociatedUser


def associated_user(response: httpx.Response) -> AssociatedUser:
    """Raises ShopifyAuthError for the token of a shop, which is nobody's."""
    try:
        return _OnlineAnswer.model_validate_json(response.content).associated_user
    except ValidationError:
        # Without its cause, which shows the answer and the token in it.
        raise ShopifyAuthError(
            "Shopify did not say who approved. Start again.",
            details={"reason": "grant_not_online"},
        ) from None
