"""Whose address a request comes from, when a proxy stands before us and when none does."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

Network = IPv4Network | IPv6Network

_UNKNOWN = "unknown"
_IPV6_SITE_BITS = 64


def client_key(scope: Scope, trusted: Sequence[Network]) -> str:
    """The client under which a request is counted: an IPv4 address, or an IPv6 network."""
    address = _address(scope, trusted)
    return _UNKNOWN if address is None else _counted_as(address)


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """The client's own address, for the record of what it did."""
    return str(_address(scope, trusted) or _UNKNOWN)


def _address(scope: Scope, trusted: Sequence[Network]) -> IPv4Address | IPv6Address | None:
    """The address a request comes from.

    It is the peer of the connection. Only where the peer is a trusted proxy, it is the right-most
    hop of X-Forwarded-For that is not one: what stands left of that hop, anyone can write.
    """
    peer = scope.get("client")
    address = _parsed(peer[0]) if peer else None
    if address is None:
        return None
    for hop in reversed(_forwarded_for(scope)):
        if not any(address in network for network in trusted):
            break
        before = _parsed(hop)
        if before is None:
            break
        address = before
    return address


def _forwarded_for(scope: Scope) -> list[str]:
    lines = Headers(scope=scope).getlist("X-Forwarded-For")
    return [hop.strip() for hop in ",".join(lines).split(",")]


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _counted_as(address: IPv4Address | IPv6Address) -> str:
    """One person has a whole IPv6 network, and could change the address with every request."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SITE_BITS), strict=False))
    return str(address)
