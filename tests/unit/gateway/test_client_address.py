"""A request is counted for the client that sent it, and nobody can pass for another one."""

from ipaddress import ip_network

import pytest

from services.gateway.client_address import client_key

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def key(peer: str, *forwarded: str, trusted=TRUSTED) -> str:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return client_key({"type": "http", "client": (peer, 1), "headers": headers}, trusted)


def test_without_a_trusted_proxy_the_peer_is_the_client_whatever_it_writes():
    assert key("203.0.113.7", "198.51.100.1") == "203.0.113.7"
    assert key("10.0.0.1", "198.51.100.1", trusted=[]) == "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        (["6.6.6.6", "198.51.100.1", "10.1.2.3"], "198.51.100.1"),
        (["198.51.100.1, nonsense"], "10.0.0.1"),
        (["nonsense, 10.9.9.9"], "10.9.9.9"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_behind_trusted_proxies_it_is_the_right_most_hop_that_is_none(forwarded, client):
    assert key("10.0.0.1", *forwarded) == client


def test_an_ipv6_network_of_one_site_counts_as_one_client():
    assert key("2001:db8:1:2::5") == key("2001:db8:1:2:ffff::6") == "2001:db8:1:2::/64"
    assert key("2001:db8:1:3::5") != key("2001:db8:1:2::5")
    assert key("::ffff:203.0.113.7") == "203.0.113.7"


def test_a_peer_without_an_address_is_counted_too():
    assert client_key({"type": "http", "client": None, "headers": []}, TRUSTED) == "unknown"
