"""The claim: proof, for the browser that connected a shop, that it may have the tenant.

Signed by oauth, redeemed once by the gateway, carried in an HttpOnly cookie and never in a URL.
"""

from datetime import timedelta
from uuid import UUID

from libs.common.identity import TokenSigner
from libs.common.ids import new_id

AUDIENCE = "gateway:claim"
LIFETIME = timedelta(minutes=15)


def sign_claim(signer: TokenSigner, tenant_id: UUID, domain: str) -> str:
    claims = {"tenant": str(tenant_id), "shop": domain, "jti": str(new_id())}
    return signer.sign(AUDIENCE, claims, lifetime=LIFETIME)
