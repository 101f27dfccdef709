"""The claim: proof, for the browser that connected a shop, that it may have the tenant; and its
like of a recovery: proof that the browser is the account owner's.

Signed by oauth, redeemed once by the gateway, carried in an HttpOnly cookie and never in a URL.
Their audiences keep them apart.
"""

from datetime import timedelta
from uuid import UUID

from libs.common.identity import TokenSigner
from libs.common.ids import new_id

AUDIENCE = "gateway:claim"
RECOVERY_AUDIENCE = "gateway:recovery"
LIFETIME = timedelta(minutes=15)


def sign_claim(signer: TokenSigner, tenant_id: UUID, domain: str) -> str:
    claims = {"tenant": str(tenant_id), "shop": domain, "jti": str(new_id())}
    return signer.sign(AUDIENCE, claims, lifetime=LIFETIME)


def sign_recovery(signer: TokenSigner, tenant_id: UUID, domain: str, person: str) -> str:
    """`person` names the account owner to our logs alone: a keyed hash."""
    claims = {"tenant": str(tenant_id), "shop": domain, "jti": str(new_id()), "person": person}
    return signer.sign(RECOVERY_AUDIENCE, claims, lifetime=LIFETIME)
