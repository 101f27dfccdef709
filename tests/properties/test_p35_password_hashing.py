# Feature: shopify-multi-tenant-dashboard, Property 35: For any user password, the system should hash it using bcrypt with a cost factor of at least 10.
"""Every password is kept as a bcrypt hash with a cost of 10 or more, and as nothing else."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import PasswordRefusedError
from services.gateway.accounts import PasswordHasher
from services.gateway.password_policy import (
    MAX_PASSWORD_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
    check_new_password,
)
from services.oauth.claims import sign_claim
from tests.caller_keys import CallerKeys
from tests.databases import Database
from tests.integration.gateway.platform import (
    Platform,
    redeem,
    running_gateway,
    running_services,
)
from tests.properties.members import Members
from tests.properties.settings import PROPERTY, Mutant
from tests.properties.store import ShopKind, Store

MUTANT = Mutant("services/gateway/accounts.py", "_COST = 12", "_COST = 9")
HASH = re.compile(r"\$sha384(\$2b\$(\d\d)\$[./A-Za-z0-9]{53})")


def _is_taken(password: str) -> bool:
    """Whether the policy takes it; which ones it refuses is tested elsewhere."""
    try:
        check_new_password(password)
    except PasswordRefusedError:
        return False
    return True


@pytest.fixture
async def gateway(database: Database, keys: CallerKeys, tmp_path: Path) -> AsyncIterator[Platform]:
    """With the product's own hashing, which other tests make cheap."""
    async with (
        running_services(database, keys) as upstreams,
        running_gateway(
            database, keys, tmp_path, upstreams, passwords=PasswordHasher()
        ) as platform,
    ):
        yield platform


@PROPERTY
@given(
    password=st.text(
        st.characters(exclude_categories=["Cs"]),
        min_size=MIN_PASSWORD_CHARACTERS,
        max_size=MAX_PASSWORD_CHARACTERS,
    ).filter(_is_taken),
    in_full=st.integers(0, 15),
)
async def test_a_password_is_kept_as_a_strong_hash(
    store: Store, gateway: Platform, members: Members, password: str, in_full: int
):
    [tenant] = await store.connect([ShopKind()])
    username = f"owner-{uuid4()}"
    browser = await gateway.new_browser()
    domain = f"{tenant}.myshopify.com"
    gateway.hold_claim(browser, sign_claim(gateway.keys.signer("oauth"), tenant, domain))

    answer = await redeem(browser, username, password)

    assert answer.status_code == 201, answer.text
    [row] = await members.owner.fetch("SELECT * FROM identity.users WHERE username = $1", username)
    found = HASH.fullmatch(row["password_hash"])
    assert found is not None
    assert int(found[2]) >= 10
    # One hash takes a third of a second: that it is the one of this password is looked at rarely.
    if in_full == 0:
        assert bcrypt.checkpw(_digest(password), found[1].encode())
        assert not bcrypt.checkpw(_digest("another one"), found[1].encode())


def _digest(password: str) -> bytes:
    return base64.b64encode(hashlib.sha384(password.encode()).digest())
