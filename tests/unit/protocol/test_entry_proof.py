"""Every step of `EntryProof.verify`, each refused by a proof that fails in it alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adyton.core import cose
from adyton.core.crypto import key_id
from adyton.core.encoding import encode
from adyton.core.errors import Error, MalformedError, ReceiptError, VerificationError
from adyton.protocol.ledger import Checkpoint, EntryProof, PublicPart, Receipt, entry_leaf
from tests.small_ledger import (
    CHAIN_ID,
    EPOCH,
    MEASUREMENT,
    RECORDER,
    STRANGER,
    Block,
    make_block,
    public_part,
)


def verify(proof: EntryProof) -> tuple[PublicPart, Checkpoint]:
    return proof.verify(RECORDER.public, CHAIN_ID)


@pytest.fixture(scope="module")
def block() -> Block:
    return make_block()


def test_an_honest_proof_holds_for_every_entry(block: Block) -> None:
    for index in range(5):
        proof = EntryProof.decode(block.proof(index).encode())
        part, checkpoint = verify(proof)
        assert part == public_part(index)
        assert checkpoint == block.checkpoint
        assert checkpoint.encode() == block.checkpoint.encode()
        checkpoint.verify(RECORDER.public)
        assert proof.exec_id() == block.header.exec_id(EPOCH, index)


def test_the_first_entry_of_a_chain() -> None:
    verify(make_block(count=1, before=0).proof(0))


STEP_1: list[Callable[[EntryProof], EntryProof]] = [
    lambda p: replace(p, public=b""),
    lambda p: replace(p, public=p.public + b"\x00"),
    lambda p: replace(p, public=encode(["entry/2"])),
    lambda p: replace(p, receipt=b""),
    lambda p: replace(p, receipt=p.receipt + b"\x00"),
    lambda p: replace(p, receipt=p.receipt[1:]),
]


@pytest.mark.parametrize("alter", STEP_1)
def test_step_1_another_form(block: Block, alter: Callable[[EntryProof], EntryProof]) -> None:
    with pytest.raises(MalformedError):
        verify(alter(block.proof(2)))


def test_step_1_a_receipt_whose_size_is_not_the_signed_one(block: Block) -> None:
    # The leaf's path is the same in a tree of another size: only the comparison can refuse it.
    for size in (13, 15, 16):
        receipt = block.receipt(2, size=size)
        with pytest.raises(MalformedError):
            verify(replace(block.proof(2), receipt=receipt))


def test_step_2_another_chain(block: Block) -> None:
    other = bytes(32)
    elsewhere = make_block(chain_id=other)
    for proof, chain_id in (
        (block.proof(2), other),
        (elsewhere.proof(2), CHAIN_ID),
        # A checkpoint of ours over a header of theirs, and the reverse.
        (make_block(chain_id=other, facts={"chain_id": CHAIN_ID}).proof(2), CHAIN_ID),
        (make_block(facts={"chain_id": other}).proof(2), CHAIN_ID),
    ):
        with pytest.raises(ReceiptError) as refused:
            proof.verify(RECORDER.public, chain_id)
        assert refused.value.code == "wrong_chain"


@pytest.mark.parametrize(
    "fact", [{"block_hash": bytes(32)}, {"height": 8}, {"height": 6}, {"time_ms": 1}]
)
def test_step_3_a_checkpoint_that_contradicts_the_header(fact: dict[str, Any]) -> None:
    with pytest.raises(ReceiptError):
        verify(make_block(facts=dict(fact)).proof(2))


@pytest.mark.parametrize(
    "change",
    [
        {"height": 8},
        {"time_ms": 1},
        {"previous": bytes(32)},
        {"data_hash": bytes(32)},
        {"previous_app_hash": bytes(32)},
    ],
)
def test_step_3_another_header(block: Block, change: dict[str, Any]) -> None:
    proof = block.proof(2)
    header = replace(proof.header, **change)
    with pytest.raises(ReceiptError):
        verify(replace(proof, header=header))


def test_step_3_a_receipt_of_another_block(block: Block) -> None:
    later = make_block(height=8)
    with pytest.raises(ReceiptError):
        verify(replace(block.proof(2), receipt=later.receipt(2)))


@pytest.mark.parametrize(
    "change",
    [
        {"public": public_part(3).encode()},
        {"public": public_part(2, code="expired").encode()},
        {"public": public_part(2, task_hash=None).encode()},
        {"public": public_part(2, claims=bytes(32)).encode()},
        {"public": public_part(2, sealed=b"other").encode()},
        {"public": public_part(2, epoch=EPOCH + 1).encode()},
        {"public": public_part(2, measurement=bytes(48)).encode()},
        {"public": public_part(2, kind="void").encode()},
        {"writes": bytes(32)},
    ],
)
def test_step_4_another_entry(block: Block, change: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        verify(replace(block.proof(2), **change))


def test_step_4_claims_cannot_be_taken_away(block: Block) -> None:
    assert public_part(3).claims is not None
    with pytest.raises(VerificationError):
        verify(replace(block.proof(3), public=public_part(3, claims=None).encode()))


def test_step_4_another_place_or_path(block: Block) -> None:
    path = block.tree.inclusion(11)
    for receipt in (
        block.receipt(3),
        block.receipt(2, index=10),
        block.receipt(2, path=tuple(path[:-1])),
        block.receipt(2, path=(*path, bytes(32))),
        block.receipt(2, path=(bytes(32), *path[1:])),
        block.receipt(2, path=()),
    ):
        with pytest.raises(VerificationError):
            verify(replace(block.proof(2), receipt=receipt))


def test_step_4_another_recorder(block: Block) -> None:
    with pytest.raises(ReceiptError):
        block.proof(2).verify(STRANGER.public, CHAIN_ID)
    with pytest.raises(ReceiptError):
        verify(make_block(key=STRANGER).proof(2))
    # A stranger who puts the recorder's name over his own signature.
    pretended = make_block(key=STRANGER, facts={"key_id": key_id(RECORDER.public)})
    with pytest.raises(VerificationError) as refused:
        verify(pretended.proof(2))
    assert refused.value.code == "bad_signature"


def test_step_4_a_root_that_was_never_signed(block: Block) -> None:
    forged = make_block(count=5, before=9, height=7)
    entries = list(forged.entries)
    proof = block.proof(2)
    leaf = entry_leaf(entries[2][0], bytes(32), None)
    receipt = Receipt.decode(proof.receipt)
    with pytest.raises(VerificationError):
        receipt.verify(leaf, RECORDER.public)


def test_step_5_another_place_in_its_block(block: Block) -> None:
    for index in range(5):
        for wrong in (*range(5), 14, 2**32 - 1):
            if wrong != index:
                with pytest.raises(ReceiptError):
                    verify(replace(block.proof(index), index=wrong))


@pytest.mark.parametrize("first", [0, 8, 10, 11, 14, 2**40])
def test_step_5_a_checkpoint_whose_block_begins_elsewhere(first: int) -> None:
    with pytest.raises(ReceiptError):
        verify(make_block(facts={"first": first}).proof(2))


def test_every_flipped_bit_is_refused(block: Block) -> None:
    encoded = bytearray(block.proof(2).encode())
    for at in range(len(encoded) * 8):
        encoded[at // 8] ^= 1 << at % 8
        with pytest.raises(Error) as refused:
            verify(EntryProof.decode(bytes(encoded)))
        assert isinstance(refused.value, (MalformedError, VerificationError))
        encoded[at // 8] ^= 1 << at % 8


def test_the_measurement_and_the_ordering_are_in_what_is_signed(block: Block) -> None:
    part, checkpoint = verify(block.proof(0))
    assert part.measurement == MEASUREMENT
    assert (checkpoint.facts.ordering, checkpoint.facts.time_source) == ("single-host", "host")
    assert isinstance(checkpoint.message, cose.Sign1)
