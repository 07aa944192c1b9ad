"""Block headers, execution names, leaves, checkpoints and receipts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cbor2
import pytest

from adyton.core import cose, limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest, key_id
from adyton.core.encoding import encode
from adyton.core.errors import Error, MalformedError, ReceiptError, VerificationError
from adyton.core.merkle import Tree, leaf_hash, node_hash
from adyton.protocol import ledger
from adyton.protocol.ledger import Checkpoint, CheckpointFacts, Receipt
from tests.small_ledger import RECORDER, STRANGER, make_block, public_part

BLOCK = make_block()
LEAF = BLOCK.tree.leaf(11)


def test_an_execution_has_a_name_of_its_own() -> None:
    header = BLOCK.header
    names = {header.exec_id(epoch, index) for epoch in range(3) for index in range(3)}
    assert len(names) == 9
    changes: list[dict[str, Any]] = [
        {"chain_id": bytes(32)},
        {"height": 8},
        {"time_ms": 1},
        {"data_hash": bytes(32)},
        {"previous_app_hash": bytes(32)},
    ]
    for change in changes:
        other = replace(header, **change)
        assert other.exec_id(0, 0) != header.exec_id(0, 0)
        assert other.hash() != header.hash()


def test_data_hash_is_the_log_root_of_the_transactions() -> None:
    one, two = leaf_hash(b"one"), leaf_hash(b"two")
    assert ledger.data_hash([b"one", b"two"]) == node_hash(one, two)
    assert ledger.data_hash([b"two", b"one"]) != ledger.data_hash([b"one", b"two"])
    assert ledger.data_hash([b"onetwo"]) != ledger.data_hash([b"one", b"two"])


def test_app_hash_covers_both_roots() -> None:
    made = {ledger.app_hash(one, other) for one in (bytes(32), LEAF) for other in (bytes(32), LEAF)}
    assert len(made) == 4


def test_the_leaf_covers_public_part_writes_and_claims() -> None:
    public = public_part(1).encode()
    content = digest(Context.PUBLIC_PART, public) + bytes(32) + b"\x01" * 32
    assert ledger.entry_leaf(public, bytes(32), b"\x01" * 32) == leaf_hash(content)
    assert len(content) == 96
    none = ledger.entry_leaf(public, bytes(32), None)
    assert none == ledger.entry_leaf(public, bytes(32), ledger.NO_CLAIMS)
    assert none != ledger.entry_leaf(public, b"\x01" * 32, None)


def test_the_write_set_digest_tells_values_removals_and_order_apart() -> None:
    one, other = b"\x01" * 32, b"\x02" * 32
    sets: list[list[tuple[bytes, bytes | None]]] = [
        [],
        [(one, b"")],
        [(one, None)],
        [(one, b"a")],
        [(one, b"a"), (other, b"b")],
        [(other, b"b"), (one, b"a")],
        [(one, ledger.stored_digest(b"a"))],
    ]
    assert len({ledger.write_set_digest(writes) for writes in sets}) == len(sets)


def test_a_checkpoint_round_trips_and_verifies() -> None:
    encoded = BLOCK.checkpoint.encode()
    again = Checkpoint.decode(encoded)
    assert again == BLOCK.checkpoint
    assert again.encode() == encoded
    again.verify(RECORDER.public)
    assert len(encoded) <= limits.CHECKPOINT


def test_a_checkpoint_of_another_key_is_refused() -> None:
    with pytest.raises(ReceiptError):
        BLOCK.checkpoint.verify(STRANGER.public)
    pretended = make_block(key=STRANGER, facts={"key_id": key_id(RECORDER.public)}).checkpoint
    with pytest.raises(VerificationError):
        pretended.verify(RECORDER.public)


def test_a_checkpoint_over_another_root_is_refused() -> None:
    message = replace(BLOCK.checkpoint.message, payload=bytes(32))
    with pytest.raises(VerificationError):
        Checkpoint.decode(message.encode()).verify(RECORDER.public)


def _flipped(encoded: bytes, verify: Callable[[bytes], Any]) -> None:
    """Require that `verify` refuses `encoded` with any one bit flipped."""
    verify(encoded)
    altered = bytearray(encoded)
    for at in range(len(encoded) * 8):
        altered[at // 8] ^= 1 << at % 8
        with pytest.raises(Error) as refused:
            verify(bytes(altered))
        assert isinstance(refused.value, (MalformedError, VerificationError))
        altered[at // 8] ^= 1 << at % 8


def test_every_flipped_bit_of_a_checkpoint_is_refused() -> None:
    _flipped(BLOCK.checkpoint.encode(), lambda b: Checkpoint.decode(b).verify(RECORDER.public))


def test_every_flipped_bit_of_a_receipt_is_refused() -> None:
    _flipped(BLOCK.receipt(2), lambda b: Receipt.decode(b).verify(LEAF, RECORDER.public))


def test_receipt_for_another_leaf_or_key_is_refused() -> None:
    receipt = Receipt.decode(BLOCK.receipt(2))
    assert receipt.verify(LEAF, RECORDER.public) == BLOCK.checkpoint
    with pytest.raises(VerificationError):
        receipt.verify(bytes(32), RECORDER.public)
    with pytest.raises(ReceiptError):
        receipt.verify(LEAF, STRANGER.public)


def test_a_receipt_that_names_another_tree_size_than_its_header_is_refused() -> None:
    for size in (12, 13, 15, 16, 1 << 40):
        with pytest.raises(MalformedError):
            Receipt.decode(BLOCK.receipt(2, size=size))


HEADERS: dict[Any, Any] = BLOCK.checkpoint.facts.headers()
GOOD_FACTS = BLOCK.checkpoint.facts.headers()[ledger.FACTS]


def _with_facts(position: int, wrong: Any) -> dict[int, Any]:
    facts = [*GOOD_FACTS[:position], wrong, *GOOD_FACTS[position + 1 :]]
    return {**HEADERS, ledger.FACTS: facts}


WRONG_FACTS: list[tuple[int, Any]] = [
    *[(position, wrong) for position in (0, 5, 6) for wrong in (bytes(31), bytes(33), "", None, 1)],
    *[
        (position, wrong)
        for position in (1, 2, 3, 4, 7)
        for wrong in (-1, True, None, b"\x01", "1")
    ],
    *[(8, wrong) for wrong in ("", "none", "SINGLE-HOST", None, 1, b"bft", ["bft"])],
    *[(9, wrong) for wrong in ("", "client", None, 0, b"host")],
]


@pytest.mark.parametrize(("position", "wrong"), WRONG_FACTS)
def test_a_fact_of_a_wrong_form_is_refused(position: int, wrong: Any) -> None:
    message = cose.sign1(RECORDER, _with_facts(position, wrong), bytes(32))
    with pytest.raises(MalformedError):
        Checkpoint.decode(message.encode())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {ledger.FACTS: GOOD_FACTS},
        {**HEADERS, ledger.FACTS: GOOD_FACTS[:-1]},
        {**HEADERS, ledger.FACTS: [*GOOD_FACTS, 1]},
        {**HEADERS, ledger.FACTS: None},
        {**HEADERS, 99: 1},
        {**HEADERS, "more": 1},
        {**HEADERS, cose.KID: b"1234567"},
        {**HEADERS, cose.KID: "12345678"},
        {**HEADERS, cose.VDS: 2},
        {**HEADERS, cose.CWT_CLAIMS: {1: "adyton"}},
        {**HEADERS, cose.CWT_CLAIMS: {1: "other", 2: "checkpoint/1"}},
        {**HEADERS, cose.CWT_CLAIMS: {1: "adyton", 2: "checkpoint/2"}},
    ],
)
def test_a_header_that_is_not_a_checkpoints_is_refused(headers: dict[int, Any]) -> None:
    message = cose.sign1(RECORDER, headers, bytes(32))
    with pytest.raises(MalformedError):
        Checkpoint.decode(message.encode())


def test_another_form_of_the_message_is_refused() -> None:
    good = BLOCK.checkpoint.message
    parts: list[Any] = [good.protected, {}, good.payload, good.signature]
    for wrong in (
        [parts[0], {1: 2}, *parts[2:]],
        [*parts[:2], None, parts[3]],
        [*parts[:2], bytes(31), parts[3]],
        [*parts[:2], b"", parts[3]],
    ):
        with pytest.raises(MalformedError):
            Checkpoint.decode(encode(cbor2.CBORTag(18, wrong)))
    with pytest.raises(MalformedError):
        Checkpoint.decode(BLOCK.receipt(2))
    with pytest.raises(MalformedError):
        Receipt.decode(BLOCK.checkpoint.encode())


def test_facts_survive_their_header() -> None:
    facts = BLOCK.checkpoint.facts
    assert CheckpointFacts.from_sign1(BLOCK.checkpoint.message) == facts
    assert facts.size == 14


def test_a_receipt_of_a_million_entries_fits_in_a_kibibyte() -> None:
    tree, size = Tree(), 1_000_000
    for number in range(size):
        tree.append(number.to_bytes(32, "big"))
    # Every number of the header as long as it ever gets, and the longest words.
    facts = replace(
        BLOCK.checkpoint.facts,
        height=size,
        size=size,
        first=size - 1,
        time_ms=2**42,
        epoch=2**32 - 1,
    )
    checkpoint = Checkpoint.sign(facts, tree.root(), RECORDER)
    for index in (0, 1, 654_321, size - 1):
        proof = cose.InclusionProof(size, index, tuple(tree.inclusion(index)))
        encoded = cose.make_receipt(checkpoint.message, proof)
        assert len(encoded) <= 1024 <= limits.RECEIPT
        receipt = Receipt.decode(encoded)
        assert receipt.verify(index.to_bytes(32, "big"), RECORDER.public).root == tree.root()
