"""Spliced encodings equal those of the general encoder."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.cose import InclusionProof, Sign1, make_receipt, sign1
from adyton.core.crypto import SigningKey
from adyton.core.encoding import encode
from adyton.core.errors import MalformedError
from adyton.core.merkle import Tree
from adyton.host import splice
from adyton.host.api.forms import CBOR, JSON, from_hex, parse_query, read_field, to_uint
from adyton.host.api.hot import task_body
from adyton.host.records import BlockRecord, Recorded
from adyton.protocol.envelope import Envelope
from adyton.protocol.ledger import BlockHeader, EntryProof

SIZES = [0, 1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1]
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=40)


@pytest.mark.parametrize("value", SIZES)
def test_heads(value: int) -> None:
    assert splice.head(0, value) == encode(value)


@pytest.mark.parametrize("size", SIZES[:8])
def test_byte_strings(size: int) -> None:
    assert splice.byte_string(bytes(size)) == encode(bytes(size))


@given(st.binary(max_size=300), HASHES, st.integers(0, 2**60), st.integers(0, 2**60))
def test_receipts_and_answers(kid: bytes, path: list[bytes], size: int, index: int) -> None:
    message = sign1(SigningKey(bytes(32)), {4: kid}, b"root")
    proof = InclusionProof(size, index, tuple(path))
    assert splice.receipt(message, proof) == make_receipt(message, proof)
    value = {"task_hash": bytes(32), "proof": kid, "consistency": path}
    assert task_body(bytes(32), kid, path) == encode(value)


CHECKPOINTS = st.builds(
    lambda kid, root: sign1(SigningKey(bytes(32)), {4: kid}, root),
    st.binary(max_size=70_000 // 200) | st.sampled_from([bytes(8), bytes(300), bytes(66_000)]),
    st.binary(min_size=32, max_size=32),
)


@given(CHECKPOINTS)
def test_a_checkpoint_is_taken_apart_as_by_the_parser(message: Sign1) -> None:
    parts = splice.signed_root(message.encode())
    assert (parts.protected, parts.root, parts.signature) == (
        message.protected,
        message.payload,
        message.signature,
    )


@given(CHECKPOINTS, st.data())
def test_another_form_is_no_checkpoint(message: Sign1, data: st.DataObject) -> None:
    encoded = message.encode()
    short = sign1(SigningKey(bytes(32)), {}, data.draw(st.binary(max_size=40).filter(_no_root)))
    place = data.draw(st.sampled_from([0, 1, 2, -101, -100, -99, -66, -65]))
    flipped = bytearray(encoded)
    flipped[place] ^= data.draw(st.integers(1, 255))
    end = data.draw(st.integers(0, len(encoded) - 1))
    headed = replace(message, unprotected={1: 2})
    for other in (short.encode(), bytes(flipped), encoded[:end], encoded + b"x", headed.encode()):
        with pytest.raises(MalformedError):
            splice.signed_root(other)


def _no_root(payload: bytes) -> bool:
    return len(payload) != 32


@given(st.integers(1, 300), st.binary(max_size=300), st.integers(0, 2**40))
def test_proofs(count: int, public: bytes, time_ms: int) -> None:
    tree = Tree()
    for i in range(count):
        tree.append(i.to_bytes(32, "big"))
    header = BlockHeader(bytes(32), 7, time_ms, bytes(32), bytes(32), bytes(32))
    message = sign1(SigningKey(bytes(32)), {}, tree.root())
    parts = splice.signed_root(message.encode())
    block = BlockRecord(7, time_ms, 0, count, header.encode(), b"", parts)
    made = Recorded(block, count - 1, public, bytes(32)).proof(tree)
    inclusion = InclusionProof(count, count - 1, tuple(tree.inclusion(count - 1)))
    receipt = make_receipt(message, inclusion)
    assert made == EntryProof(header, count - 1, public, bytes(32), receipt).encode()


@given(st.binary(max_size=400))
def test_one_field_is_read_from_either_form(data: bytes) -> None:
    assert read_field(encode({"x": data}), CBOR, "x", 400) == data


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(noise: bytes) -> None:
    for kind in (CBOR, JSON):
        with pytest.raises(MalformedError):
            read_field(noise, kind, "envelope", 400)


@pytest.mark.parametrize(
    "other",
    [
        b"\xa1\x61x\x58\x01a",  # a longer head than needed
        b"\xa1\x61x\x59\x00\x01a",
        b"\xa1\x61x\x5a\x00\x00\x00\x01a",
        b"\xa1\x61x\x5b\x00\x00\x00\x00\x00\x00\x00\x01a",
        b"\xa1\x61x\x5f\x41a\xff",  # of indefinite length
        b"\xa1\x61x\x41",
        b"\xa1\x61x\x41ab",
        b"\xa1\x61x\x61a",  # text
        b"\xa1\x61x",
        b"\xa2\x61x\x41a\x61y\x41a",
        b"\xbf\x61x\x41a\xff",
        b"\xa1\x78\x01x\x41a",
    ],
)
def test_other_encodings_are_refused(other: bytes) -> None:
    assert read_field(b"\xa1\x61x\x41a", CBOR, "x", 1) == b"a"
    with pytest.raises(MalformedError):
        read_field(other, CBOR, "x", 100)


def test_a_field_is_bounded() -> None:
    for kind, body in ((CBOR, encode({"x": b"abc"})), (JSON, b'{"x": "YWJj"}')):
        assert read_field(body, kind, "x", 3) == b"abc"
        with pytest.raises(MalformedError) as caught:
            read_field(body, kind, "x", 2)
        assert caught.value.code == "too_large"


@pytest.mark.parametrize("text", ["YWJj\\n", "YWJ", "YWK=", "YW Jj", "-_-_", "YWJj====", "é"])
def test_other_base64_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        read_field(f'{{"x": "{text}"}}'.encode(), JSON, "x", 100)


def test_queries_and_numbers() -> None:
    assert parse_query(b"a=1&b=%32", frozenset("ab")) == {"a": "1", "b": "2"}
    assert (to_uint("0"), to_uint("9223372036854775807")) == (0, 2**63 - 1)
    assert from_hex("00ff", 1, 2) == b"\x00\xff"


ENVELOPES = st.builds(
    Envelope,
    st.just(bytes(32)),
    st.sampled_from([0, 1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1]),
    st.sampled_from(["request", "read"]),
    st.binary(min_size=64, max_size=64),
    st.binary(max_size=400) | st.sampled_from([23, 24, 255, 256, 65535, 65536]).map(bytes),
)


def decodes(data: bytes) -> bool:
    try:
        envelope = Envelope.decode(data)
    except MalformedError:
        return False
    return (envelope.chain_id, envelope.purpose) == (bytes(32), "request")


@given(ENVELOPES)
def test_the_short_check_takes_what_decodes(envelope: Envelope) -> None:
    data = envelope.encode()
    assert splice.is_envelope(data, bytes(32), "request") == decodes(data)
    assert not splice.is_envelope(data, b"\x01" * 32, "request")


@given(ENVELOPES, st.integers(0, 200), st.integers(0, 255), st.integers(0, 3))
def test_the_short_check_refuses_what_does_not(
    envelope: Envelope, place: int, byte: int, how: int
) -> None:
    data = envelope.encode()
    place = min(place, len(data) - 1)
    broken = (
        data[:place] + bytes([byte]) + data[place + 1 :],
        data[:place],
        data[:place] + bytes([byte]) + data[place:],
        data + bytes([byte]),
    )[how]
    assert splice.is_envelope(broken, bytes(32), "request") == decodes(broken)


@pytest.mark.parametrize("size", [-2, -1, 0, 1, 2])
def test_the_short_check_has_the_same_bound(size: int) -> None:
    overhead = len(Envelope(bytes(32), 0, "request", bytes(64), bytes(70_000)).encode()) - 70_000
    sealed = bytes(limits.ENVELOPE - overhead + size)
    data = Envelope(bytes(32), 0, "request", bytes(64), sealed).encode()
    assert splice.is_envelope(data, bytes(32), "request") == decodes(data) == (size <= 0)
