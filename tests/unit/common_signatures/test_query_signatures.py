"""A callback is believed when Shopify's signature over its query string is right, and only then."""

import pytest

from libs.common.signatures import is_shop_domain, query_signature_matches

SHOP = "some-shop.myshopify.com"
HOST = "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc29tZS1zaG9w"

# Q1 to Q3 are published by Shopify or its libraries; D1 equals js-api's form; D2 is a callback.
VECTORS = {
    "Q1": (
        "hush",
        {"code": "a94a110d86d2452eb3e2af4cfb8a3828", "shop": SHOP, "timestamp": "1337178173"},
        "2cb1a277650a659f1b11e92a4a64275b128e037f2c3390e3c8fd2d8721dac9e2",
    ),
    "Q2": (
        "hush",
        {"code": "0907a61c0c8d55e99db179b68161bc00", "shop": SHOP, "timestamp": "1337178173"},
        "4712bf92ffc2917d15a2f5a273e39f0116667419aa4b6ac0b3baaf26fa3c4d20",
    ),
    "Q3": (
        "hush",
        {
            "code": "0907a61c0c8d55e99db179b68161bc00",
            "shop": SHOP,
            "state": "0.6784241404160823",
            "timestamp": "1337178173",
        },
        "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf",
    ),
    "D1": (
        "my super secret key",
        {"custom": "hello world", "shop": "myshop.myshopify.com", "timestamp": "1700000000"},
        "0a3f0b1091a26eab3ab75d96d4cdbba10a3f06e015b95cc989656ddf6c1ce1d9",
    ),
    "D2": (
        "hush",
        {
            "code": "0907a61c0c8d55e99db179b68161bc00",
            "host": HOST,
            "shop": SHOP,
            "state": "3f1d9c0a7b2e4d5f8a6b1c2d3e4f5061",
            "timestamp": "1700000000",
        },
        "932aabb381816f694df75ccd9ae01016a7838efcb5c4a3eb38abf7d7c9412598",
    ),
}

Q4_LIST_FORM = "b93b9f82996f6f8bf9f1b7bbddec284c8fabacdc4e12dc80550b4705f3003b1e"


@pytest.fixture(params=VECTORS.values(), ids=VECTORS)
def vector(request: pytest.FixtureRequest):
    return request.param


def test_the_published_signatures_match_whatever_the_order(vector):
    secret, parameters, digest = vector
    for items in (parameters.items(), reversed(parameters.items())):
        assert query_signature_matches({"hmac": digest, **dict(items)}, [secret])


def test_the_ancient_signature_parameter_is_left_out(vector):
    secret, parameters, digest = vector
    assert query_signature_matches({**parameters, "hmac": digest, "signature": "x"}, [secret])


def test_an_older_secret_may_still_sign(vector):
    secret, parameters, digest = vector
    assert query_signature_matches({**parameters, "hmac": digest}, ["the new one", secret])


def test_another_secret_no_secret_or_no_signature_does_not_match(vector):
    secret, parameters, digest = vector
    assert not query_signature_matches({**parameters, "hmac": digest}, ["another"])
    assert not query_signature_matches({**parameters, "hmac": digest}, [])
    assert not query_signature_matches(parameters, [secret])


def test_any_change_of_a_value_breaks_the_signature(vector):
    secret, parameters, digest = vector
    for name, value in parameters.items():
        assert not query_signature_matches(
            {**parameters, name: value + "0", "hmac": digest}, [secret]
        )


@pytest.mark.parametrize("spoilt", [str.upper, lambda d: d[:-1], lambda d: d + "é", lambda _: ""])
def test_the_digest_must_be_exactly_the_lower_case_hex(vector, spoilt):
    secret, parameters, digest = vector
    assert not query_signature_matches({**parameters, "hmac": spoilt(digest)}, [secret])


def test_the_list_form_of_an_old_library_is_not_ours():
    """Q4 signs `ids=["2", "1"]`, unescaped; we refuse repeated names, so nothing needs it."""
    parameters = {"ids": '["2", "1"]', "shop": SHOP, "hmac": Q4_LIST_FORM}
    assert not query_signature_matches(parameters, ["hush"])


@pytest.mark.parametrize("domain", ["cdnow.myshopify.com", "A-1.myshopify.com"])
def test_a_shop_domain_is_a_name_of_shopifys(domain):
    assert is_shop_domain(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "myshopify.com",
        ".myshopify.com",
        "-a.myshopify.com",
        "a.b.myshopify.com",
        "a.myshopify.com\n",
        "\na.myshopify.com",
        "a.myshopify.com.evil.com",
        "evil.com/.myshopify.com",
        "evil.com?.myshopify.com",
        "a@evil.myshopify.com",
        "a.myshopifyXcom",
        "\u0430cme.myshopify.com",
        "acme.my\uff53hopify.com",
        "a" * 300 + ".myshopify.com",
    ],
)
def test_a_look_alike_is_no_shop_domain(domain):
    assert not is_shop_domain(domain)
