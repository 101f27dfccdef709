# Feature: shopify-multi-tenant-dashboard, Property 13: For any webhook payload and signature, the system should correctly validate authentic Shopify webhooks and reject invalid ones.
"""A delivery is taken when it is signed with our secret, over exactly these bytes; else never."""

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.webhooks.running import Service
from tests.integration.webhooks.shopify import SECRET, headers
from tests.properties.lanes import Lanes
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant(
    "services/webhooks/deliveries.py",
    "    if not webhook_signature_matches(body, signature, secrets):",
    "    if not signature:",
)
OURS = (SECRET, "an older secret")
# Nobody parses them: an object is what begins and ends as one.
bodies = st.binary(max_size=200).map(lambda inside: b"{" + inside + b"}") | st.sampled_from(
    [b"{}", b'{"id": 1}', '{"t": "田"}'.encode()]
)
GENUINE = b'{"genuine":true}'
spoils = st.sampled_from(
    [None] * 6 + ["case", "cut", "padding", "hex", "empty", "space", "no header", "url", "twice"]
)


def _signature(body: bytes, secret: str) -> bytes:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def _spoilt(signature: bytes, how: str | None) -> bytes:
    return {
        None: signature,
        "case": signature.swapcase(),
        "cut": signature[:-2],
        "padding": signature.rstrip(b"="),
        "hex": base64.b64decode(signature).hex().encode(),
        "empty": b"",
        "space": signature[:20] + b" " + signature[20:],
        "no header": b"",
        "url": signature.replace(b"+", b"-").replace(b"/", b"_").replace(b"=", b"%3D"),
        "twice": signature + b"," + signature,
    }[how]


@PROPERTY
@given(
    signed=bodies,
    sent=st.none() | bodies,
    secret=st.sampled_from([*OURS, "", "hush ", "HUSH", "another"]),
    spoil=spoils,
    prefix=st.sampled_from(["X-Shopify", "Shopify"]),
)
async def test_only_what_we_can_verify_is_taken(
    store: Store,
    webhooks: Service,
    lanes: Lanes,
    signed: bytes,
    sent: bytes | None,
    secret: str,
    spoil: str | None,
    prefix: str,
):
    [tenant] = await store.connect([ShopKind()])
    body = signed if sent is None else sent
    given_signature = _spoilt(_signature(signed, secret), spoil)
    told: dict[str, str | bytes] = dict(headers(f"{tenant}.myshopify.com", body))
    del told["X-Shopify-Hmac-Sha256"]
    if spoil != "no header":
        told[f"{prefix}-Hmac-Sha256"] = given_signature
    genuine = given_signature in [_signature(body, one) for one in OURS]

    answer = await webhooks.http.post("/webhooks", content=body, headers=told)

    if genuine:
        assert answer.status_code == 200
        [record] = await lanes.take(1)
        assert (record.tenant_id, record.body) == (tenant, body)
    else:
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "WEBHOOK_SIGNATURE_INVALID"
        assert answer.json()["requestId"] == answer.headers["X-Request-Id"]
        # A genuine one behind it: nothing but that is in the queue.
        await webhooks.deliver(f"{tenant}.myshopify.com", GENUINE)
        assert [record.body for record in await lanes.take(1)] == [GENUINE]
