"""A shop is connected only when it grants what is asked; the long history alone may be missing."""

import pytest

from services.oauth.scopes import missing_scopes

ASKED = ["read_orders", "read_all_orders", "read_customers", "read_products"]


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        (ASKED, []),
        (["read_orders", "read_customers", "read_products"], []),
        (["write_orders", "read_customers", "write_products"], []),
        (["read_orders", "read_customers"], ["read_products"]),
        (["write_customers"], ["read_orders", "read_products"]),
        ([], ["read_customers", "read_orders", "read_products"]),
    ],
)
def test_a_write_scope_covers_its_read_scope_and_nothing_else(granted, missing):
    assert missing_scopes(ASKED, granted) == missing


def test_a_read_scope_does_not_cover_the_write_scope():
    assert missing_scopes(["write_orders"], ["read_orders"]) == ["write_orders"]
