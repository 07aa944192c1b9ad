"""Evidence of two histories: what proves them, what only reports them, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client.checkpoint_order import contradiction
from adyton.client.conflict import make_conflict, proving_nodes, verify_conflict
from adyton.client.conflict_verdict import ConflictVerdict
from adyton.core.crypto import SigningKey
from adyton.core.errors import Error, MalformedError, PolicyError, UsageError, VerificationError
from adyton.protocol.conflict import ChainConflict
from adyton.protocol.ledger import Checkpoint
from tests.adversary.server_simulator import now_ms
from tests.ledger_builder import Ledger, fork, policy_for

HOUR_MS = 3600 * 1000


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Seven blocks, 13 entries."""
    made = Ledger(tmp_path, now_ms() - 60_000)
    made.start()
    for _ in range(6):
        made.request(before=1)
    return made


def made(
    ledger: Ledger, held: Checkpoint, shown: Checkpoint, report: str = "fork", **changed: Any
) -> ChainConflict:
    found = make_conflict(
        genesis=ledger.genesis.encode(),
        evidence=ledger.bundles(),
        held=held,
        shown=shown,
        path=changed.pop("path", ()),
        report=report,
        seen_ms=now_ms(),
    )
    return replace(found, **changed)


def verdict(ledger: Ledger, conflict: ChainConflict) -> ConflictVerdict:
    return verify_conflict(conflict.encode(), policy=policy_for(ledger), now_ms=now_ms())


def refused(ledger: Ledger, conflict: ChainConflict, match: str) -> None:
    with pytest.raises(VerificationError, match=match) as caught:
        verdict(ledger, conflict)
    assert caught.value.code == "conflict_invalid"


# --- proof ---------------------------------------------------------------------------------------


def test_two_blocks_of_one_height_prove_it(ledger: Ledger) -> None:
    told = fork(ledger, 3, 4)
    found = verdict(ledger, made(ledger, told[6].checkpoint, ledger.blocks[6].checkpoint))
    assert found.proved
    assert found.proof == "two logs of 13 entries with different roots"
    who = f"the server with fingerprint {ledger.fingerprint.hex()}"
    assert found.headline() == f"proved: {who} signed two histories: {found.proof}"
    assert found.to_json()["proved"] is True
    assert "no client could have made this up" in "\n".join(found.lines())


def test_two_starts_sign_it_and_both_are_shown(ledger: Ledger) -> None:
    told = fork(ledger, 3, 2, restart=True)
    conflict = made(ledger, told[4].checkpoint, ledger.blocks[4].checkpoint)
    assert len(conflict.evidence) == 2
    assert verdict(ledger, conflict).proof == "two blocks of height 5"
    for wrong in (conflict.evidence[::-1], conflict.evidence[:1], ()):
        refused(ledger, replace(conflict, evidence=wrong), "exactly the keys that signed")


def test_a_server_that_went_back_and_on_is_caught_by_the_time(ledger: Ledger) -> None:
    """The smaller log is the later one: nobody needs to have seen the order."""
    told = fork(ledger, 3, 0)
    ledger.add([ledger.part("void")], time_ms=told[6].header.time_ms + 1)
    found = verdict(ledger, made(ledger, told[6].checkpoint, ledger.blocks[3].checkpoint))
    assert found.proof == "time or epoch went backwards from height 4 to height 7"


def test_blocks_that_do_not_meet_prove_it(ledger: Ledger) -> None:
    told = fork(ledger, 3, 0)
    ledger.add([ledger.part("void")])
    found = verdict(ledger, made(ledger, ledger.blocks[3].checkpoint, told[4].checkpoint))
    assert found.proof == "block 5 does not begin where block 4 ended, or later"


@pytest.mark.parametrize("keep", [2, 3])
def test_the_server_s_own_consistency_proof_proves_that_it_forked(
    ledger: Ledger, keep: int
) -> None:
    """It leads to another beginning: sizes 5 and 7 are no powers of two."""
    told = fork(ledger, keep, 5)
    held, shown = told[keep].checkpoint, ledger.blocks[-1].checkpoint
    assert contradiction(held, shown) == ""
    path = tuple(ledger.tree.consistency(held.facts.size, shown.facts.size))
    conflict = made(ledger, held, shown, path=path)
    assert conflict.nodes == path
    found = verdict(ledger, conflict)
    assert "does not begin with" in found.proof
    refused(ledger, replace(conflict, nodes=path[:-1]), "do not show")
    refused(ledger, replace(conflict, nodes=(*path[:-1], bytes(32))), "do not show")


def test_a_size_that_is_a_power_of_two_takes_a_second_proof(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, now_ms() - 60_000)
    ledger.start()
    for _ in range(7):
        ledger.request()
    told = fork(ledger, 2, 9)
    held, shown = told[3].checkpoint, ledger.blocks[-1].checkpoint
    size = shown.facts.size
    path = tuple(ledger.tree.consistency(4, size))
    assert proving_nodes(held, shown, path) == ()
    nodes = proving_nodes(held, shown, path, tuple(ledger.tree.consistency(5, size)))
    assert nodes == (ledger.tree.root(4), *path)
    assert verdict(ledger, made(ledger, held, shown, nodes=nodes)).proved


def test_a_proof_that_joins_both_proves_no_fork(ledger: Ledger) -> None:
    held, shown = ledger.blocks[2].checkpoint, ledger.blocks[6].checkpoint
    path = tuple(ledger.tree.consistency(held.facts.size, shown.facts.size))
    assert proving_nodes(held, shown, path) == ()
    refused(ledger, made(ledger, held, shown, nodes=path), "do not show")


# --- reports -------------------------------------------------------------------------------------


def test_a_smaller_log_shown_later_is_only_a_report(ledger: Ledger) -> None:
    held, shown = ledger.blocks[6].checkpoint, ledger.blocks[2].checkpoint
    found = verdict(ledger, made(ledger, held, shown, "rollback"))
    assert not found.proved
    assert found.to_json()["proof"] is None
    assert found.headline().startswith("not proved, only reported: after a log of 13 entries")
    assert "the word of whoever made this file" in "\n".join(found.lines())
    refused(ledger, made(ledger, shown, held, "rollback"), "not older")


def test_that_no_proof_came_is_only_a_report(ledger: Ledger) -> None:
    found = verdict(ledger, made(ledger, ledger.blocks[2].checkpoint, ledger.blocks[6].checkpoint))
    assert not found.proved
    assert "gave no proof that its logs of 5 and of 13 entries are one" in found.headline()


# --- what accuses nobody -------------------------------------------------------------------------


def test_an_honest_history_contradicts_itself_nowhere(ledger: Ledger) -> None:
    ledger.start()
    ledger.add([])  # a block without entries
    ledger.add([ledger.part("void")])
    for one in ledger.blocks:
        for other in ledger.blocks:
            assert contradiction(one.checkpoint, other.checkpoint) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"size": 6},
        {"first": 4},
        {"time_ms": 1},
        {"state_root": b"\x01" * 32},
        {"block_hash": bytes(32)},
        {"epoch": 1},
    ],
)
def test_every_fact_of_a_block_counts(ledger: Ledger, change: dict[str, Any]) -> None:
    one = ledger.blocks[2].checkpoint
    other = Checkpoint.sign(replace(one.facts, **change), one.root, ledger.node.recorder)
    assert contradiction(one, other) == contradiction(other, one) != ""
    assert verdict(ledger, made(ledger, one, other)).proved


def test_one_checkpoint_twice_is_refused(ledger: Ledger) -> None:
    one = ledger.blocks[2].checkpoint
    refused(ledger, made(ledger, one, one), "say the same")


def test_a_stranger_s_signature_accuses_nobody(ledger: Ledger) -> None:
    """Anybody can make up a checkpoint: without the enclave's key it is worth nothing."""
    told, stranger = ledger.blocks[2].checkpoint, SigningKey(os.urandom(32))
    facts = replace(told.facts, block_hash=bytes(32))
    pretended = Checkpoint.sign(facts, told.root, stranger)
    found = made(ledger, told, pretended)
    with pytest.raises(VerificationError, match="bad_signature"):
        verdict(ledger, found)
    other = ledger.bundle("runner", ledger.node.runner, os.urandom(32))
    as_runner = Checkpoint.sign(
        replace(facts, key_id=_name(ledger.node.runner)), told.root, ledger.node.runner
    )
    with pytest.raises(VerificationError, match="not of a recorder key"):
        verdict(
            ledger,
            replace(
                found,
                shown=as_runner.encode(),
                evidence=(*found.evidence, other),
            ),
        )


def _name(key: SigningKey) -> bytes:
    from adyton.core.crypto import key_id

    return key_id(key.public)


@pytest.mark.parametrize("field", ["chain_id", "ordering", "time_source"])
def test_a_checkpoint_of_another_chain_or_ordering_is_refused(ledger: Ledger, field: str) -> None:
    one = ledger.blocks[2].checkpoint
    value = {"chain_id": bytes(32), "ordering": "bft", "time_source": "bft"}[field]
    facts = replace(one.facts, **{field: value})  # type: ignore[arg-type]  # by name
    other = Checkpoint.sign(facts, one.root, ledger.node.recorder)
    refused(ledger, made(ledger, one, other), "another (chain|ordering)")


@pytest.mark.parametrize(
    ("changed", "class_", "code"),
    [
        ({"fingerprints": frozenset({bytes(32)})}, VerificationError, "fingerprint_mismatch"),
        ({"fingerprints": frozenset()}, VerificationError, "not_trusted"),
        ({"allow_simulated": False}, PolicyError, "simulated_refused"),
        ({"least_ordering": "bft"}, PolicyError, "ordering_unavailable"),
        ({"max_evidence_age_ms": -HOUR_MS}, PolicyError, "evidence_stale"),
    ],
)
def test_the_reader_s_policy_decides(
    ledger: Ledger, changed: dict[str, Any], class_: type[Error], code: str
) -> None:
    told = fork(ledger, 3, 4)
    conflict = made(ledger, told[6].checkpoint, ledger.blocks[6].checkpoint)
    with pytest.raises(class_) as caught:
        verify_conflict(conflict.encode(), policy=policy_for(ledger, **changed), now_ms=now_ms())
    assert caught.value.code == code
    stale = policy_for(ledger, max_evidence_age_ms=-HOUR_MS, allow_stale=True)
    found = verify_conflict(conflict.encode(), policy=stale, now_ms=now_ms())
    assert "older than the policy allows" in "\n".join(found.remarks())
    with pytest.raises(VerificationError, match="future"):
        verify_conflict(
            conflict.encode(), policy=policy_for(ledger), now_ms=ledger.now_ms - HOUR_MS
        )


def test_no_flipped_bit_keeps_the_accusation(ledger: Ledger) -> None:
    told = fork(ledger, 3, 4, restart=True)
    held, shown = told[3].checkpoint, ledger.blocks[6].checkpoint
    path = tuple(ledger.tree.consistency(held.facts.size, shown.facts.size))
    conflict = made(ledger, held, shown, path=path)
    assert verdict(ledger, conflict).proved
    whole = conflict.encode()
    words = (
        len(conflict.report) + 1 + 9
    )  # nobody signs the last two fields, and the verdict says so
    for place in range(0, len(whole) - words, 13):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        with pytest.raises(Error):
            verify_conflict(bytes(flipped), policy=policy_for(ledger), now_ms=now_ms())


@pytest.mark.parametrize("change", [lambda b: b + b"\0", lambda b: b[:-1], lambda b: b"", bytes])
def test_other_bytes_are_malformed(ledger: Ledger, change: Callable[[bytes], bytes]) -> None:
    told = fork(ledger, 3, 4)
    whole = made(ledger, told[6].checkpoint, ledger.blocks[6].checkpoint).encode()
    if change is bytes:
        whole = whole.replace(b"chain-conflict/1", b"chain-conflict/2")
    with pytest.raises(MalformedError):
        verify_conflict(change(whole), policy=policy_for(ledger), now_ms=now_ms())


def test_it_is_not_made_without_the_evidence_of_a_key(ledger: Ledger) -> None:
    told = fork(ledger, 3, 2, restart=True)
    with pytest.raises(UsageError):
        make_conflict(
            genesis=ledger.genesis.encode(),
            evidence=ledger.bundles()[:1],
            held=told[4].checkpoint,
            shown=ledger.blocks[4].checkpoint,
            report="fork",
            seen_ms=0,
        )
