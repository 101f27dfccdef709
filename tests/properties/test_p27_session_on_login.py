# Feature: shopify-multi-tenant-dashboard, Property 27: For any valid username and password combination, the system should create a session with a unique secure token.
"""Whoever signs in with the right password gets a session under a token that nobody can guess."""

import base64
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.gateway.platform import Platform, code_of, log_in
from tests.properties.members import Members, token_hash
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant(
    "services/gateway/sessions.py",
    "token = secrets.token_urlsafe(_TOKEN_BYTES)",
    "token = hashlib.sha256(username.encode()).hexdigest()",
)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789._-äöé田中"
passwords = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=18
).filter(lambda text: len(text.encode()) <= 72)


@PROPERTY
@given(seed=st.integers(0, 2**64), password=passwords, wrong=passwords)
async def test_the_right_password_opens_a_session_of_its_own(
    store: Store, gateway: Platform, members: Members, seed: int, password: str, wrong: str
):
    username = "".join(Random(seed).choices(LETTERS, k=20))
    tenants = await store.connect([ShopKind()])
    await members.owner.execute("DELETE FROM identity.users WHERE username = $1", username)
    user_id = await members.add(*tenants, username=username, password=password)
    tokens = []

    for typed in (username, f" {username.upper()} "):
        browser = await gateway.new_browser()
        answer = await log_in(browser, typed, password)
        assert answer.status_code == 200, answer.text
        tokens.append(answer.cookies["session"])
        assert (await browser.get("/api/auth/session")).json()["user"]["id"] == str(user_id)

    # 32 bytes of chance each, and the database keeps neither.
    assert all(len(base64.urlsafe_b64decode(token + "=")) >= 32 for token in tokens)
    assert len(set(tokens)) == len(tokens)
    rows = await members.owner.fetch(
        "SELECT token_hash FROM identity.sessions WHERE user_id = $1", user_id
    )
    assert {row["token_hash"] for row in rows} == {token_hash(gateway, one) for one in tokens}
    if wrong != password:
        refused = await log_in(await gateway.new_browser(), username, wrong)
        assert code_of(refused) == (401, "AUTH_INVALID_CREDENTIALS")
        assert not refused.cookies
