"""Seals every stored token with the first key of ENCRYPTION_KEY, while the tokens are in use.

What is done already is passed over, so a rotation that was broken off goes on where it was.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import EncryptionKeyError
from libs.common.logs import get_logger
from services.oauth import credentials
from services.oauth.credentials import Sealed
from services.oauth.encryption import ACCESS_TOKEN, REFRESH_TOKEN, Cipher

_AT_ONCE = 200
BEFORE_ALL = UUID(int=0)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Batch:
    """`shut` counts by key id what did not open; `left` is what is still sealed otherwise.

    `last` is the tenant this batch came to, None when there was nothing past its start.
    """

    key_id: str
    resealed: int
    shut: dict[str, int]
    left: int
    last: UUID | None


class Rotation:
    def __init__(self, engine: AsyncEngine, cipher: Cipher) -> None:
        self._engine = engine
        self._cipher = cipher

    async def reseal(self, after: UUID = BEFORE_ALL) -> Batch:
        """The next credentials past `after`. What does not open stays as it is, and is counted."""
        cipher = self._cipher
        async with transaction(self._engine) as tx:
            found = await credentials.lock_sealed_otherwise(tx, cipher.header, after, _AT_ONCE)
            anew, shut = self._sealed_anew(found)
            await credentials.save_sealed(tx, anew)
            left = await credentials.count_sealed_otherwise(tx, cipher.header)
        log.info("credentials_resealed", key_id=cipher.key_id, resealed=len(anew), left=left)
        last = found[-1].tenant_id if found else None
        return Batch(cipher.key_id, len(anew), shut, left, last)

    def _sealed_anew(self, found: Sequence[Sealed]) -> tuple[list[Sealed], dict[str, int]]:
        anew: list[Sealed] = []
        shut: Counter[str] = Counter()
        for row in found:
            try:
                anew.append(self._resealed(row))
            except EncryptionKeyError as error:
                log.warning("credential_not_opened", tenant_id=row.tenant_id, **error.context)
                shut[_key_id(error)] += 1
        return anew, dict(shut)

    def _resealed(self, row: Sealed) -> Sealed:
        tenant_id = row.tenant_id
        access = self._cipher.open(row.access_token, tenant_id, ACCESS_TOKEN)
        refresh: SecretStr | None = None
        if row.refresh_token is not None:
            refresh = self._cipher.open(row.refresh_token, tenant_id, REFRESH_TOKEN)
        return Sealed(
            tenant_id,
            self._cipher.seal(access, tenant_id, ACCESS_TOKEN),
            None if refresh is None else self._cipher.seal(refresh, tenant_id, REFRESH_TOKEN),
        )


def _key_id(error: EncryptionKeyError) -> str:
    details = error.context["details"]
    return str(details["keyId"]) if isinstance(details, dict) else ""
