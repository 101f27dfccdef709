"""A delivery comes out of a message exactly as it went in, and nothing else is read as one."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import MessageMalformedError
from libs.common.messaging.records import (
    DeliveryRecord,
    decode_records,
    encode_record,
    encode_records,
    join_records,
    split_message,
)
from tests.factories import delivery

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
records = st.builds(
    DeliveryRecord,
    id=texts,
    source=texts,
    type=texts,
    time=st.datetimes(timezones=st.just(UTC)),
    tenant_id=st.uuids(),
    body=st.binary(max_size=200),
    subject=st.none() | texts,
    traceparent=st.none() | texts,
)


@given(st.lists(records, min_size=1, max_size=5))
def test_what_was_encoded_is_decoded_to_the_byte(given_records: list[DeliveryRecord]):
    assert decode_records(encode_records(given_records)) == given_records


@given(st.lists(records, min_size=1, max_size=5))
def test_joining_ready_made_records_is_the_same_as_encoding_them(
    given_records: list[DeliveryRecord],
):
    joined = join_records([encode_record(one) for one in given_records])
    assert joined == encode_records(given_records)
    assert join_records([split_message(joined)]) == joined


@given(records, st.data())
def test_a_message_cut_short_anywhere_is_refused(one: DeliveryRecord, data: st.DataObject):
    message = encode_records([one])
    cut = data.draw(st.integers(0, len(message) - 1))
    with pytest.raises(MessageMalformedError):
        decode_records(message[:cut])


@given(st.binary(max_size=300))
def test_any_other_bytes_are_refused_with_a_reason(message: bytes):
    with pytest.raises(MessageMalformedError) as refusal:
        decode_records(b"\x01" + message)
    assert refusal.value.context["reason"] in {"empty", "cut_short", "attributes_invalid"}


@pytest.mark.parametrize("message", [b"", b"\x02" + encode_records([delivery()])[1:]])
def test_another_version_is_refused(message: bytes):
    with pytest.raises(MessageMalformedError) as refusal:
        decode_records(message)
    assert refusal.value.context["reason"] == "version_unknown"


def test_a_time_without_a_zone_is_refused():
    message = encode_records([delivery()]).replace(b"+00:00", b"      ")
    with pytest.raises(MessageMalformedError) as refusal:
        decode_records(message)
    assert refusal.value.context["reason"] == "attributes_invalid"


def test_the_attributes_have_the_names_of_cloudevents():
    encoded = encode_record(delivery(body=b'{"id": 1}'))
    for name in (b'"id"', b'"source"', b'"type"', b'"time"', b'"tenantid"'):
        assert name in encoded
    assert encoded.endswith(b'{"id": 1}')
