"""Deliveries as they travel: one message carries one or more of them, bodies untouched.

A message is a version byte and then records. A record is the length of its attributes and of its
body (two big-endian 32-bit numbers), the attributes as JSON under CloudEvents names, the raw body.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from libs.common.errors import MessageMalformedError, TransientError

_VERSION = b"\x01"
_LENGTHS = struct.Struct(">II")

NO_TENANT = UUID(int=0)
"""Of what names no tenant. A delivery that was taken while nobody could say whose shop it is of
carries none; the service that applies it looks its domain up."""


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One delivery of Shopify's, with the attributes that its headers gave."""

    id: str
    source: str
    """The shop's domain."""
    type: str
    """The topic, as in `orders/create`."""
    time: datetime
    """When Shopify triggered it."""
    tenant_id: UUID
    body: bytes
    subject: str | None = None
    """Shopify's event id, shared by all deliveries of one action."""
    traceparent: str | None = None


def encode_record(record: DeliveryRecord) -> bytes:
    """One record; `join_records` makes a message of such."""
    attributes: dict[str, Any] = {
        "id": record.id,
        "source": record.source,
        "type": record.type,
        "time": record.time,
    }
    if record.tenant_id != NO_TENANT:
        attributes["tenantid"] = str(record.tenant_id)
    if record.subject is not None:
        attributes["subject"] = record.subject
    if record.traceparent is not None:
        attributes["traceparent"] = record.traceparent
    head = orjson.dumps(attributes)
    return b"".join((_LENGTHS.pack(len(head), len(record.body)), head, record.body))


def join_records(encoded: Iterable[bytes]) -> bytes:
    """The message that carries records made by `encode_record`."""
    return _VERSION + b"".join(encoded)


def split_message(message: bytes) -> bytes:
    """The records of `message` as `join_records` takes them. Raises MessageMalformedError."""
    if message[:1] != _VERSION:
        raise _malformed("version_unknown")
    return message[1:]


def encode_records(records: Sequence[DeliveryRecord]) -> bytes:
    return join_records(map(encode_record, records))


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A part of a message that is no record. `message` is that part as a message of its own."""

    reason: str
    message: bytes


class UnknownVersionError(TransientError):
    """A message of a version that this release does not know: a newer one will."""


def read_records(message: bytes) -> tuple[list[DeliveryRecord], list[UnreadableRecord]]:
    """What can be read of `message`, and what cannot: the lengths lead from record to record.

    Behind a length that leads out of the message nothing is found any more: the rest is one.
    Raises UnknownVersionError; then nothing of it can be read yet.
    """
    if message[:1] != _VERSION:
        raise UnknownVersionError("a message of an unknown version", reason="version_unknown")
    records: list[DeliveryRecord] = []
    unreadable: list[UnreadableRecord] = []
    offset, end = 1, len(message)
    while offset < end:
        start = offset
        head = start + _LENGTHS.size
        if head <= end:
            head_size, body_size = _LENGTHS.unpack_from(message, start)
            offset = head + head_size + body_size
        if head > end or offset > end:
            unreadable.append(UnreadableRecord("cut_short", join_records([message[start:]])))
            break
        body = head + head_size
        try:
            records.append(_record(message[head:body], message[body:offset]))
        except MessageMalformedError as error:
            part = join_records([message[start:offset]])
            unreadable.append(UnreadableRecord(str(error.context["reason"]), part))
    if not records and not unreadable:
        unreadable.append(UnreadableRecord("empty", message))
    return records, unreadable


def decode_records(message: bytes) -> list[DeliveryRecord]:
    """All the records of `message`, at least one. Raises MessageMalformedError."""
    split_message(message)
    records, unreadable = read_records(message)
    if unreadable:
        raise _malformed(unreadable[0].reason)
    return records


def _record(head: bytes, body: bytes) -> DeliveryRecord:
    try:
        attributes = orjson.loads(head)
        time = datetime.fromisoformat(attributes["time"])
        if time.tzinfo is None:
            raise _malformed("attributes_invalid")
        return DeliveryRecord(
            id=_text(attributes["id"]),
            source=_text(attributes["source"]),
            type=_text(attributes["type"]),
            time=time,
            tenant_id=_tenant(attributes),
            body=body,
            subject=_optional_text(attributes.get("subject")),
            traceparent=_optional_text(attributes.get("traceparent")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _malformed("attributes_invalid") from error


def _tenant(attributes: Mapping[str, Any]) -> UUID:
    named = attributes.get("tenantid")
    return NO_TENANT if named is None else UUID(_text(named))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _malformed(reason: str) -> MessageMalformedError:
    return MessageMalformedError("not a message of delivery records", reason=reason)
