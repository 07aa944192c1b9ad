"""The verified view: takes bytes, holds only what was verified, moves forward only."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client.verified import UnjoinedError, UnknownKeyError
from adyton.client.verified_view import VerifiedView
from adyton.core.crypto import SigningKey, key_id
from adyton.core.errors import (
    Error,
    EvidenceError,
    ForkError,
    MalformedError,
    ReceiptError,
    RollbackError,
    VerificationError,
)
from adyton.protocol.ledger import Checkpoint, EntryProof, PublicPart, entry_leaf
from tests.adversary.server_simulator import now_ms
from tests.ledger_builder import Ledger

POLICY = AppraisalPolicy(allow_simulated=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path, now_ms())
    made.start(now_ms())
    for _ in range(4):
        made.request(before=1)
    return made


@pytest.fixture
def view(ledger: Ledger) -> VerifiedView:
    made = VerifiedView(ledger.chain_id, ledger.fingerprint)
    made.add_announced_node(ledger.node.evidence, POLICY, now_ms())
    made.update_checkpoint(checkpoint(ledger, 3), ())
    return made


def checkpoint(ledger: Ledger, height: int) -> bytes:
    return ledger.blocks[height - 1].checkpoint.encode()


def size(ledger: Ledger, height: int) -> int:
    return ledger.blocks[height - 1].checkpoint.facts.size


def path(ledger: Ledger, one: int, other: int) -> list[bytes]:
    low, high = sorted((size(ledger, one), size(ledger, other)))
    return ledger.tree.consistency(low, high)


def fork(ledger: Ledger, length: int, *, time_ms: int | None = None) -> None:
    """Make the ledger tell another story from the second block on, with the same keys."""
    blocks, tree = ledger.blocks, ledger.tree
    ledger.blocks, ledger.tree = blocks[:1], type(tree)()
    for public, writes in blocks[0].entries:
        ledger.tree.append(entry_leaf(public, writes, PublicPart.decode(public).claims))
    for _ in range(length):
        ledger.request(before=1)


def test_it_moves_forward(view: VerifiedView, ledger: Ledger) -> None:
    view.update_checkpoint(checkpoint(ledger, 5), path(ledger, 3, 5))
    assert view.size == size(ledger, 5)


def test_an_older_entry_is_accepted_and_does_not_move_it(
    view: VerifiedView, ledger: Ledger
) -> None:
    entry = view.accept_entry(ledger.proof(2, 1).encode(), path(ledger, 2, 3))
    assert entry.part.kind == "request"
    assert entry.header.height == 2
    assert entry.exec_id == ledger.proof(2, 1).exec_id()
    assert view.size == size(ledger, 3)


def test_a_newer_entry_moves_it(view: VerifiedView, ledger: Ledger) -> None:
    view.accept_entry(ledger.proof(5, 1).encode(), path(ledger, 3, 5))
    assert view.size == size(ledger, 5)


def test_it_is_kept_and_comes_back(view: VerifiedView, ledger: Ledger) -> None:
    again = VerifiedView.from_bytes(view.to_bytes())
    assert again.nodes == view.nodes
    assert again.checkpoint == view.checkpoint
    again.update_checkpoint(checkpoint(ledger, 4), path(ledger, 3, 4))


@pytest.mark.parametrize("kept", [b"", b"\x80", b"\x85\x01\x02\x03\x04\x05"])
def test_what_was_never_a_view_is_refused(kept: bytes) -> None:
    with pytest.raises(MalformedError):
        VerifiedView.from_bytes(kept)


def test_a_newest_checkpoint_that_is_older_is_a_rollback(
    view: VerifiedView, ledger: Ledger
) -> None:
    with pytest.raises(RollbackError) as caught:
        view.update_checkpoint(checkpoint(ledger, 2), path(ledger, 2, 3))
    assert caught.value.code == "rollback"
    assert caught.value.held == checkpoint(ledger, 3)
    assert caught.value.shown == checkpoint(ledger, 2)
    assert view.size == size(ledger, 3)


def test_a_smaller_log_that_was_signed_later_is_a_fork(view: VerifiedView, ledger: Ledger) -> None:
    later = ledger.blocks[2].header.time_ms + 1
    fork(ledger, 0)
    ledger.add([ledger.part("void")] * 2, time_ms=later)
    with pytest.raises(ForkError, match="backwards") as caught:
        view.update_checkpoint(checkpoint(ledger, 2), ())
    assert caught.value.shown == checkpoint(ledger, 2)
    assert view.size == 5


def test_blocks_that_do_not_meet_are_a_fork(view: VerifiedView, ledger: Ledger) -> None:
    honest = ledger.blocks[3].checkpoint
    facts = replace(honest.facts, first=honest.facts.first + 1)
    moved = Checkpoint.sign(facts, honest.root, ledger.node.recorder)
    with pytest.raises(ForkError, match="does not begin where"):
        view.update_checkpoint(moved.encode(), path(ledger, 3, 4))


def test_equal_size_with_another_root_is_a_fork(view: VerifiedView, ledger: Ledger) -> None:
    held = checkpoint(ledger, 3)
    fork(ledger, 2)
    with pytest.raises(ForkError) as caught:
        view.update_checkpoint(checkpoint(ledger, 3), ())
    assert caught.value.code == "fork"
    assert (caught.value.held, caught.value.shown) == (held, checkpoint(ledger, 3))
    assert view.checkpoint is not None
    assert view.checkpoint.encode() == held


def test_a_longer_fork_is_not_joined(view: VerifiedView, ledger: Ledger) -> None:
    fork(ledger, 6)
    with pytest.raises(UnjoinedError):
        view.update_checkpoint(checkpoint(ledger, 6), path(ledger, 3, 6))
    with pytest.raises(UnjoinedError):
        view.accept_entry(ledger.proof(6, 0).encode(), path(ledger, 3, 6))
    assert view.size == 5


def test_an_entry_of_an_older_fork_is_not_joined(view: VerifiedView, ledger: Ledger) -> None:
    joining = path(ledger, 2, 3)
    fork(ledger, 1)
    with pytest.raises(UnjoinedError):
        view.accept_entry(ledger.proof(2, 0).encode(), joining)


@pytest.mark.parametrize("drop", [0, -1])
def test_a_cut_consistency_proof_joins_nothing(
    view: VerifiedView, ledger: Ledger, drop: int
) -> None:
    proof = path(ledger, 3, 5)
    proof.pop(drop)
    with pytest.raises(UnjoinedError) as caught:
        view.update_checkpoint(checkpoint(ledger, 5), proof)
    assert caught.value.code == "receipt_invalid"
    assert view.size == size(ledger, 3)


def test_time_that_runs_backwards_is_a_fork(view: VerifiedView, ledger: Ledger) -> None:
    before = ledger.blocks[2].header.time_ms - 1
    ledger.add([ledger.part("void", code="expired")], time_ms=before)
    with pytest.raises(ForkError, match="backwards"):
        view.update_checkpoint(checkpoint(ledger, 6), path(ledger, 3, 6))


def test_a_key_that_was_never_attested_is_named(view: VerifiedView, ledger: Ledger) -> None:
    stranger = SigningKey(os.urandom(32))
    ledger.add([ledger.part("void", code="expired")], key=stranger)
    with pytest.raises(UnknownKeyError) as caught:
        view.update_checkpoint(checkpoint(ledger, 6), path(ledger, 3, 6))
    assert caught.value.key_id == key_id(stranger.public)
    with pytest.raises(UnknownKeyError):
        view.node_of_runner(stranger.public)


def test_another_signer_under_a_known_name_is_refused(view: VerifiedView, ledger: Ledger) -> None:
    encoded = bytearray(checkpoint(ledger, 4))
    encoded[-1] ^= 1
    with pytest.raises(VerificationError, match="bad_signature"):
        view.update_checkpoint(bytes(encoded), path(ledger, 3, 4))


def test_another_chain_is_refused(tmp_path: Path, view: VerifiedView) -> None:
    (tmp_path / "other").mkdir()
    other = Ledger(tmp_path / "other", now_ms())
    other.start(now_ms())
    with pytest.raises(ReceiptError, match="wrong_chain"):
        view.update_checkpoint(other.blocks[0].checkpoint.encode(), ())
    with pytest.raises(ReceiptError, match="wrong_chain"):
        view.accept_entry(other.proof(1, 0).encode(), ())
    with pytest.raises(EvidenceError, match="fingerprint_mismatch"):
        view.add_announced_node(other.node.evidence, POLICY, now_ms())


def test_evidence_for_another_nonce_is_refused(view: VerifiedView, ledger: Ledger) -> None:
    with pytest.raises(EvidenceError, match="step 5"):
        view.update_node(ledger.node.evidence, POLICY, os.urandom(32), now_ms())


def test_code_that_is_not_attested_is_refused(view: VerifiedView, ledger: Ledger) -> None:
    part = replace(ledger.part("void", code="expired"), measurement=bytes(48))
    ledger.add([part])
    with pytest.raises(ReceiptError, match="not attested"):
        view.accept_entry(ledger.proof(6, 0).encode(), path(ledger, 3, 6))


@pytest.mark.parametrize("at", range(0, 2000, 97))
def test_a_flipped_bit_of_a_proof_is_refused(view: VerifiedView, ledger: Ledger, at: int) -> None:
    encoded = bytearray(ledger.proof(4, 1).encode())
    encoded[at % len(encoded)] ^= 1 << (at % 8)
    before = view.to_bytes()
    # A flip in the entry's index within its block alone is caught by what is sealed to it, later.
    if differs_in_index_alone(bytes(encoded), ledger.proof(4, 1)):
        return
    with pytest.raises(Error):
        view.accept_entry(bytes(encoded), path(ledger, 3, 4))
    assert view.to_bytes() == before


def differs_in_index_alone(encoded: bytes, honest: EntryProof) -> bool:
    try:
        shown = EntryProof.decode(encoded)
    except Error:
        return False
    return replace(shown, index=honest.index) == honest


def test_another_pin_keeps_the_checkpoint_and_forgets_the_keys(
    view: VerifiedView, ledger: Ledger
) -> None:
    view.repin(bytes(32))
    assert view.nodes == ()
    assert view.size == size(ledger, 3)
