"""Encoding, messages, COSE, Merkle proofs, padding: the parsers that all sides share."""

from __future__ import annotations

import cbor2

from adyton.core import limits
from adyton.core.cose import parse_receipt, parse_sign1
from adyton.core.encoding import decode, encode
from adyton.core.merkle import HASH, root_from_inclusion, verify_consistency
from adyton.core.schema import peek_name
from adyton.protocol.ledger import Checkpoint, Receipt
from adyton.protocol.padding import pad, unpad
from fuzz.target import Target, refused_or, require, vector_bytes
from tests.message_forms import every_message, samples

MESSAGES = every_message()
_NAMES = sorted(MESSAGES)


def encoding(data: bytes) -> None:
    """One encoding of each value: what decodes encodes to the same bytes."""
    for tags in (False, True):
        value = refused_or(lambda tags=tags: (decode(data, max_bytes=1 << 16, tags=tags),))  # type: ignore[misc]  # mypy infers no default of a lambda
        if value is not None:
            require(encode(value[0]) == data, "decode, then encode, is the input")


def messages(data: bytes) -> None:
    """Every message: by the name that the bytes begin with, and by the first byte."""
    named = MESSAGES.get(peek_name(data))
    chosen = MESSAGES[_NAMES[data[0] % len(_NAMES)]] if data else None
    for cls, content in ((named, data), (chosen, data[1:])):
        if cls is None:
            continue
        made = refused_or(lambda cls=cls, content=content: cls.decode(content))  # type: ignore[misc]  # mypy infers no default of a lambda
        if made is not None:
            require(made.encode() == content, "decode, then encode, is the input")
            require(repr(made) == f"<{cls.WIRE_NAME}>", "a message does not show its fields")


def _message_seeds() -> list[bytes]:
    return [sample.encode() for cls in MESSAGES.values() for sample in samples(cls)]


def cose(data: bytes) -> None:
    """COSE_Sign1, receipts and checkpoints."""
    signed = refused_or(lambda: parse_sign1(data, max_bytes=limits.EVIDENCE))
    if signed is not None:
        require(signed.encode() == data, "parse, then encode, is the input")
        refused_or(lambda: signed.verify(bytes(range(32))))
    refused_or(lambda: parse_receipt(data))
    receipt = refused_or(lambda: Receipt.decode(data))
    if receipt is not None:
        refused_or(lambda: receipt.verify(bytes(32), bytes(range(32))))
    checkpoint = refused_or(lambda: Checkpoint.decode(data))
    if checkpoint is not None:
        require(checkpoint.encode() == data, "a checkpoint has one encoding")


def merkle(data: bytes) -> None:
    """Proofs of any shape: sizes and places from the first bytes, nodes from the rest."""
    one, other = int.from_bytes(data[:3], "big"), int.from_bytes(data[3:6], "big")
    nodes = [data[at : at + HASH] for at in range(6, len(data), HASH)]
    nodes = [node.ljust(HASH, b"\x00") for node in nodes]
    refused_or(lambda: root_from_inclusion(bytes(HASH), one, other, nodes))
    refused_or(lambda: verify_consistency(one, bytes(HASH), other, bytes(HASH), nodes))


def padding(data: bytes) -> None:
    """One padding of each content."""
    for least in (0, 16, 512):
        content = refused_or(lambda least=least: unpad(data, least=least))  # type: ignore[misc]  # mypy infers no default of a lambda
        if content is not None:
            require(pad(content, least=least) == data, "unpad, then pad, is the input")


_VALUES: list[object] = [
    0,
    -1,
    2**63 - 1,
    b"x" * 30,
    "text",
    [1, [2, [None]]],
    {1: b"a", "b": [True]},
]

TARGETS = (
    Target("encoding", encoding, lambda: [encode(value) for value in _VALUES] + [cbor2.dumps(1.5)]),
    Target("messages", messages, _message_seeds),
    Target("cose", cose, lambda: [*vector_bytes("checkpoint", "receipt", "evidence")]),
    Target("merkle", merkle, lambda: [bytes((0, 0, 3, 0, 0, 7)) + bytes(96), bytes(6)]),
    Target("padding", padding, lambda: [pad(b"content", least=least) for least in (0, 16, 512)]),
)
