"""Whether Shopify still lets us into a shop: Shopify's own answer, and nothing else.

The token endpoint's terminal refusal says no, and so does the Admin API's 401 to an access token
that has not ended. A token that works says yes. 402, 423, 429, 5xx, a timeout and a refusal of our
own client secret say neither.
"""

from enum import Enum, auto

from libs.common.clock import utc_now
from libs.common.database.transaction import Transaction
from libs.common.errors import (
    EncryptionKeyError,
    PlatformError,
    ReconnectRequiredError,
    ShopifyRequestError,
    ShopifyUnavailableError,
)
from libs.common.logs import get_logger
from services.oauth import repository
from services.oauth.admin import AdminApi
from services.oauth.repository import SealedPair, Shop
from services.oauth.tokens import Tokens

log = get_logger()


class Access(Enum):
    NO_TOKEN = auto()
    """There is nothing to ask with."""
    WORKS = auto()
    ENDED = auto()
    UNDECIDED = auto()


class AccessCheck:
    def __init__(self, tokens: Tokens, admin: AdminApi) -> None:
        self._tokens = tokens
        self._admin = admin

    async def ask(self, tx: Transaction, shop: Shop) -> Access:
        """Renew the shop's tokens and see. Holds for 10 seconds at most.

        The caller holds the shop's lock; the new pair is stored in `tx`, and was not used before.
        """
        pair = await repository.credentials_of(tx, shop.tenant_id)
        if pair is None:
            return Access.NO_TOKEN
        try:
            await self._tokens.renew(tx, shop, pair)
        except ReconnectRequiredError:
            return Access.ENDED
        except (ShopifyUnavailableError, ShopifyRequestError, EncryptionKeyError) as error:
            log.warning("access_not_renewed", tenant_id=shop.tenant_id, code=error.code)
            return await self._by_admin_api(shop, pair)
        return Access.WORKS

    async def _by_admin_api(self, shop: Shop, pair: SealedPair) -> Access:
        """With the access token in hand, if it has an end that is to come."""
        if pair.access_expires_at is None or pair.access_expires_at <= utc_now():
            return Access.UNDECIDED
        try:
            token = self._tokens.access_token(shop.tenant_id, pair)
            await self._admin.shop_id(shop.domain, token)
        except ReconnectRequiredError:
            return Access.ENDED
        except PlatformError as error:
            log.warning("access_undecided", tenant_id=shop.tenant_id, code=error.code)
            return Access.UNDECIDED
        return Access.WORKS
