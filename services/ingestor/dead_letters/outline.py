"""What is in a dead letter, without anything personal: the names of fields and the types of values.

Values are never shown. A name is, where it looks like one of an API: a map may be keyed by e-mail.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from libs.common.errors import MessageMalformedError
from libs.common.messaging.fates import Kind
from libs.common.messaging.records import decode_records

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MASKED: Final = "(masked)"
_MAX_FIELDS: Final = 300
_MAX_DEPTH: Final = 12
_TYPES: Final = ((bool, "boolean"), (int, "number"), (float, "number"), (str, "text"))


def outline(kind: str, record: bytes) -> list[str]:
    """One line a field, `customer.email: text`; empty where the body cannot be read."""
    try:
        body = decode_records(record)[0].body if kind == Kind.DELIVERY else record
        tree = msgspec.json.decode(body)
    except (MessageMalformedError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    lines: dict[str, None] = {}
    for line in _lines(tree):
        lines[line] = None
        if len(lines) == _MAX_FIELDS:
            lines["..."] = None
            break
    return list(lines)


def _lines(tree: Any) -> Iterator[str]:
    """Without recursion, in the order of the body: it may be as deep as its sender likes."""
    left: list[tuple[str, Any, int]] = [("", tree, 0)]
    while left:
        path, node, depth = left.pop()
        if isinstance(node, dict) and depth < _MAX_DEPTH:
            named = [(f"{path}.{_name(key)}".lstrip("."), each) for key, each in node.items()]
            left += [(name, each, depth + 1) for name, each in reversed(named)]
        elif isinstance(node, list) and node and depth < _MAX_DEPTH:
            left += [(f"{path}[]", each, depth + 1) for each in reversed(node)]
        else:
            yield f"{path or '(body)'}: {_type(node)}"


def _name(key: str) -> str:
    return key if _NAME.fullmatch(key) else _MASKED


def _type(node: Any) -> str:
    if node is None:
        return "null"
    if isinstance(node, list):
        return "list"
    return next((name for kind, name in _TYPES if isinstance(node, kind)), "object")
