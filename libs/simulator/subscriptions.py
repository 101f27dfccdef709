"""One shop's webhook subscriptions, with the checks and messages of Shopify's API."""

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from libs.simulator.times import now_seconds

Write = Callable[[str, int | str, object], None]

_LONGEST_ADDRESS = 64 * 1024
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_ADDRESS_FIELD = ("webhookSubscription", "callbackUrl")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")


class Subscription(msgspec.Struct, frozen=True):
    """`topic` as in the schema: ORDERS_CREATE."""

    id: int
    topic: str
    uri: str
    api_version: str
    created_at: int
    updated_at: int
    include_fields: tuple[str, ...] = ()
    metafield_namespaces: tuple[str, ...] = ()
    filter: str = ""
    name: str | None = None


class UserError(msgspec.Struct, frozen=True):
    field: Sequence[str] | None
    message: str
    code: str | None = None


class Subscriptions:
    def __init__(self, write: Write) -> None:
        self._write = write
        self._by_id: dict[int, Subscription] = {}

    def all(self) -> list[Subscription]:
        return list(self._by_id.values())

    def get(self, number: int | None) -> Subscription | None:
        return self._by_id.get(number or 0)

    def wanting(self, topic: str) -> list[Subscription]:
        """`topic` as on the wire: orders/create."""
        name = topic.replace("/", "_").upper()
        return [subscription for subscription in self._by_id.values() if subscription.topic == name]

    def create(
        self, number: int, topic: str, api_version: str, given: dict[str, Any]
    ) -> Subscription | UserError:
        now = now_seconds()
        blank = Subscription(number, topic, "", api_version, now, now)
        return self._store(blank, given)

    def update(self, subscription: Subscription, given: dict[str, Any]) -> Subscription | UserError:
        return self._store(msgspec.structs.replace(subscription, updated_at=now_seconds()), given)

    def _store(self, before: Subscription, given: dict[str, Any]) -> Subscription | UserError:
        changes = {
            "uri": given.get("uri") or given.get("callbackUrl"),
            "filter": given.get("filter"),
            "name": given.get("name"),
            "include_fields": _tuple(given.get("includeFields")),
            "metafield_namespaces": _tuple(given.get("metafieldNamespaces")),
        }
        known = {name: value for name, value in changes.items() if value is not None}
        after: Subscription = msgspec.structs.replace(before, **known)
        if (error := self._error(after)) is not None:
            return error
        self._by_id[after.id] = after
        self._write("subscription", after.id, after)
        return after

    def _error(self, wanted: Subscription) -> UserError | None:
        message = _address_error(wanted.uri)
        others = [other for other in self._by_id.values() if other.id != wanted.id]
        if message is None and any(
            (other.topic, other.uri, other.filter) == (wanted.topic, wanted.uri, wanted.filter)
            for other in others
        ):
            message = "Address for this topic has already been taken"
        if message is not None:
            return UserError(_ADDRESS_FIELD, message)
        if wanted.name is None:
            return None
        if not _NAME.fullmatch(wanted.name):
            return UserError(
                ("webhookSubscription", "name"),
                "Name must be 1 to 50 letters, digits, hyphens and underscores",
            )
        if any(other.name == wanted.name for other in others):
            return UserError(
                ("webhookSubscription", "name"), "Name already exists, no duplicate allowed"
            )
        return None

    def remove(self, number: int) -> bool:
        """False when there was none."""
        if self._by_id.pop(number, None) is None:
            return False
        self._write("subscription", number, None)
        return True

    def remove_all(self) -> None:
        for number in list(self._by_id):
            self.remove(number)

    def replay(self, number: int, value: Any) -> None:
        if value is None:
            self._by_id.pop(number, None)
        else:
            self._by_id[number] = msgspec.convert(value, Subscription)


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _address_error(uri: str) -> str | None:
    """Real Shopify refuses http:// always; here it is let in where no public host can be meant:
    on a loopback address, and under a name without a dot, as a container network has them.
    """
    if not uri.strip():
        return "Address can't be blank"
    if len(uri) > _LONGEST_ADDRESS:
        return "Address is too big (maximum is 64 KB)"
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return "Address is invalid"
    error = None
    inside = host in _LOOPBACK or "." not in host
    if parts.scheme != "https" and not (parts.scheme == "http" and inside):
        error = f"Address protocol {parts.scheme}:// is not supported"
    elif not host:
        error = "Address is invalid"
    elif f".{host}".endswith((".shopify.com", ".myshopify.com")):
        error = "Address cannot be a Shopify or an internal domain"
    return error
