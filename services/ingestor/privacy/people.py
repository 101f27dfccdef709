"""Whom a delivery's body is about. Any topic may name a person, so any shape is looked through."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from libs.common.ids import global_id
from libs.common.messaging.records import DeliveryRecord

_IDS_END = 2**63
_NUMBER = re.compile(rb"[0-9]+")


@dataclass(frozen=True, slots=True)
class Person:
    """A customer, as Shopify names one when it asks about a person."""

    id: int
    email: str | None
    order_ids: frozenset[int]


def is_about(record: DeliveryRecord, person: Person) -> bool:
    """Whether the body names the person, the person's address or one of the orders."""
    email = person.email.casefold() if person.email else None
    try:
        tree = msgspec.json.decode(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _in_text(record.body, person.id, email)
    if person.id in _customers(record.type, tree):
        return True
    if person.order_ids & _orders(record.type, tree):
        return True
    return any(
        isinstance(node, str)
        and (node.casefold() == email or node == global_id("Customer", person.id))
        for node in _nodes(tree)
    )


def customers_named(record: DeliveryRecord) -> set[int]:
    """The ids of the customers that the body names; none where it cannot be read."""
    try:
        tree = msgspec.json.decode(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()
    return _customers(record.type, tree)


def _customers(topic: str, tree: Any) -> set[int]:
    found = _own_id(topic, "customers/", tree)
    for node in _nodes(tree):
        if isinstance(node, dict):
            found.append(node.get("customer_id"))
            person = node.get("customer")
            found.append(person.get("id") if isinstance(person, dict) else None)
    return _ids(found)


def _orders(topic: str, tree: Any) -> set[int]:
    found = _own_id(topic, "orders/", tree)
    found += [node.get("order_id") for node in _nodes(tree) if isinstance(node, dict)]
    return _ids(found)


def _own_id(topic: str, prefix: str, tree: Any) -> list[Any]:
    return [tree.get("id")] if topic.startswith(prefix) and isinstance(tree, dict) else []


def _ids(found: Iterable[Any]) -> set[int]:
    """Those that can be one: a body that was set aside may hold anything in their place."""
    return {each for each in found if type(each) is int and 0 < each < _IDS_END}


def _nodes(tree: Any) -> Iterator[Any]:
    """Every value in `tree`, without recursion: a body may be as deep as its sender likes."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        if isinstance(node, dict):
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def _in_text(body: bytes, number: int, email: str | None) -> bool:
    if email and email.encode() in body.lower():
        return True
    return str(number).encode() in _NUMBER.findall(body)
