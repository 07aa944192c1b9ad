"""The verified view: takes bytes, holds only what was verified, moves forward only."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import verified_view
from adyton.client.verified import KnownNode, UnjoinedError, UnknownKeyError, VerifiedEntry
from adyton.client.verified_view import VerifiedView
from adyton.core import cose, limits
from adyton.core.crypto import SigningKey, key_id
from adyton.core.errors import (
    Error,
    EvidenceError,
    ForkError,
    ReceiptError,
    RollbackError,
    VerificationError,
)
from adyton.protocol.ledger import Checkpoint, EntryProof, PublicPart, entry_leaf
from tests.adversary.server_simulator import now_ms
from tests.ledger_builder import MEASUREMENT, Ledger

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


def test_a_view_begins_empty(ledger: Ledger) -> None:
    made = VerifiedView(ledger.chain_id, ledger.fingerprint)
    assert (made.size, made.nodes, made.checkpoint) == (0, (), None)
    assert VerifiedView.from_bytes(made.to_bytes()).checkpoint is None


def test_what_it_accepts_it_gives_out(view: VerifiedView, ledger: Ledger) -> None:
    newer = view.update_checkpoint(checkpoint(ledger, 4), path(ledger, 3, 4))
    assert newer == ledger.blocks[3].checkpoint
    older = view.accept_checkpoint(checkpoint(ledger, 2), path(ledger, 2, 4), least=0)
    assert older == ledger.blocks[1].checkpoint
    assert view.checkpoint == newer
    newest = view.accept_checkpoint(checkpoint(ledger, 5), path(ledger, 4, 5), least=0)
    assert view.checkpoint == newest == ledger.blocks[4].checkpoint


def test_an_answer_may_not_be_behind_what_was_seen_when_it_was_asked_for(
    view: VerifiedView, ledger: Ledger
) -> None:
    older = checkpoint(ledger, 2)
    seen = size(ledger, 2)
    view.accept_checkpoint(older, path(ledger, 2, 3), least=seen)
    with pytest.raises(RollbackError) as caught:
        view.accept_checkpoint(older, path(ledger, 2, 3), least=seen + 1)
    assert caught.value.code == "rollback"
    assert (caught.value.held, caught.value.shown) == (checkpoint(ledger, 3), older)
    empty = VerifiedView(ledger.chain_id, ledger.fingerprint)
    empty.add_announced_node(ledger.node.evidence, POLICY, now_ms())
    with pytest.raises(RollbackError) as caught:
        empty.accept_checkpoint(older, (), least=seen + 1)
    assert (caught.value.held, caught.value.shown) == (older, older)


def test_the_same_checkpoint_again_changes_nothing(view: VerifiedView, ledger: Ledger) -> None:
    before = view.to_bytes()
    view.update_checkpoint(checkpoint(ledger, 3), ())
    assert view.to_bytes() == before


def test_the_same_block_under_another_attested_key_does_not_move_it(
    view: VerifiedView, ledger: Ledger
) -> None:
    held = ledger.blocks[2].checkpoint
    other = ledger.start()
    view.add_announced_node(other.evidence, POLICY, now_ms())
    facts = replace(held.facts, key_id=key_id(other.recorder.public))
    again = Checkpoint.sign(facts, held.root, other.recorder)
    assert view.accept_checkpoint(again.encode(), (), least=0) == again
    assert view.checkpoint == held


def test_a_block_without_entries_moves_it(view: VerifiedView, ledger: Ledger) -> None:
    view.update_checkpoint(checkpoint(ledger, 5), path(ledger, 3, 5))
    ledger.add([])
    assert size(ledger, 6) == size(ledger, 5)
    view.update_checkpoint(checkpoint(ledger, 6), ())
    assert view.checkpoint == ledger.blocks[5].checkpoint
    # The one before is of the same size: older, but no rollback that could be shown.
    view.update_checkpoint(checkpoint(ledger, 5), ())
    assert view.checkpoint == ledger.blocks[5].checkpoint


def test_a_kept_entry_is_verified_again(view: VerifiedView, ledger: Ledger) -> None:
    kept = ledger.proof(2, 1).encode()
    assert view.reopen_entry(kept) == view.accept_entry(kept, path(ledger, 2, 3))
    with pytest.raises(Error):
        view.reopen_entry(kept[:-1] + bytes([kept[-1] ^ 1]))


def test_an_entry_carries_what_it_was_verified_with(view: VerifiedView, ledger: Ledger) -> None:
    proof = ledger.proof(4, 1)
    assert view.accept_entry(proof.encode(), path(ledger, 3, 4)) == VerifiedEntry(
        proof, proof.part(), ledger.blocks[3].checkpoint, view.nodes[0], proof.exec_id()
    )


def test_an_execution_is_named_by_its_epoch_too(view: VerifiedView, ledger: Ledger) -> None:
    honest = ledger.proof(4, 1)
    facts = replace(ledger.blocks[3].checkpoint.facts, epoch=7)
    root = ledger.blocks[3].checkpoint.root
    signed = Checkpoint.sign(facts, root, ledger.node.recorder)
    receipt = cose.make_receipt(signed.message, cose.parse_receipt(honest.receipt)[1])
    entry = view.reopen_entry(replace(honest, receipt=receipt).encode())
    assert entry.exec_id == honest.header.exec_id(7, 1) != honest.exec_id()


def test_it_is_kept_and_comes_back(view: VerifiedView, ledger: Ledger) -> None:
    again = VerifiedView.from_bytes(view.to_bytes())
    assert again.nodes == view.nodes
    assert again.checkpoint == view.checkpoint
    assert (again.chain_id, again.fingerprint) == (ledger.chain_id, ledger.fingerprint)
    assert again.to_bytes() == view.to_bytes()
    again.update_checkpoint(checkpoint(ledger, 4), path(ledger, 3, 4))


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
    held, later = checkpoint(ledger, 3), ledger.blocks[2].header.time_ms + 1
    fork(ledger, 0)
    ledger.add([ledger.part("void")] * 2, time_ms=later)
    with pytest.raises(ForkError, match="backwards") as caught:
        view.update_checkpoint(checkpoint(ledger, 2), ())
    assert caught.value.held == held
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
    assert caught.value.held == checkpoint(ledger, 3)
    assert caught.value.shown == checkpoint(ledger, 5)
    assert caught.value.path == tuple(proof)
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
    with pytest.raises(UnknownKeyError) as caught:
        view.node_of_runner(stranger.public)
    assert caught.value.key_id == key_id(stranger.public)


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
    # Even under a pin that would take it: what is held is of one chain.
    view.repin(other.fingerprint)
    with pytest.raises(ReceiptError, match="wrong_chain"):
        view.add_announced_node(other.node.evidence, POLICY, now_ms())
    assert view.nodes == ()


def test_a_node_that_answers_the_challenge_is_held(view: VerifiedView, ledger: Ledger) -> None:
    first, other = ledger.node, ledger.start()
    nonce = other.evidence.recorder.nonce
    appraisal = view.update_node(other.evidence, POLICY, nonce, now_ms())
    assert appraisal.recorder_key == other.recorder.public
    known = KnownNode(
        other.recorder.public, other.runner.public, MEASUREMENT, other.evidence.encode()
    )
    assert view.nodes[1:] == (known,)
    for node, held in ((first, view.nodes[0]), (other, known)):
        assert view.node_of_recorder(key_id(node.recorder.public)) == held
        assert view.node_of_runner(node.runner.public) == held


def test_an_answer_has_an_age_and_an_announcement_has_none(
    view: VerifiedView, ledger: Ledger
) -> None:
    nonce = ledger.node.evidence.recorder.nonce
    later = now_ms() + limits.EVIDENCE_AGE_S * 1000 + 60_000
    with pytest.raises(EvidenceError, match="evidence_stale"):
        view.update_node(ledger.node.evidence, POLICY, nonce, later)
    assert view.add_announced_node(ledger.node.evidence, POLICY, later).recorder.stale


def test_what_the_policy_refuses_is_refused_of_both(view: VerifiedView, ledger: Ledger) -> None:
    evidence, strict = ledger.node.evidence, AppraisalPolicy()
    with pytest.raises(EvidenceError, match="simulated_refused"):
        view.add_announced_node(evidence, strict, now_ms())
    with pytest.raises(EvidenceError, match="simulated_refused"):
        view.update_node(evidence, strict, evidence.recorder.nonce, now_ms())


def test_a_node_is_held_once_and_an_old_one_makes_room(
    view: VerifiedView, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_view, "_NODES", 3)
    starts = [ledger.node, *(ledger.start() for _ in range(3))]
    for node in (*starts[1:3], starts[0], starts[3]):
        view.add_announced_node(node.evidence, POLICY, now_ms())
    # The first was shown again, and so became younger than the second.
    held = [node.recorder_key for node in view.nodes]
    assert held == [starts[at].recorder.public for at in (2, 0, 3)]


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
    assert view.fingerprint == bytes(32)
    assert view.nodes == ()
    assert view.size == size(ledger, 3)
