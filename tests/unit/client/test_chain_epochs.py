"""Epochs in a copy of the chain: each block is of the one that the entries before it fixed, and of no other."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client.chain import ChainVerifier, LocalBlock
from adyton.core import limits
from adyton.core.crypto import SigningKey
from adyton.core.errors import VerificationError
from adyton.protocol.epoch import SEALED_FRESH, EpochProposal, SignedEpochProposal
from adyton.protocol.ledger import PublicPart
from tests.ledger_builder import Ledger, policy_for

STRANGER = SigningKey(b"s" * 32)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A chain whose next block may fix epoch 1."""
    made = Ledger(tmp_path, time.time_ns() // 1_000_000 - 20 * 60 * 1000)
    made.start()
    reach(made, made.genesis.configuration.epochs.blocks - 1)
    return made


def reach(ledger: Ledger, height: int, epoch: int = 0) -> None:
    while len(ledger.blocks) < height:
        ledger.add([ledger.part("void")], epoch=epoch)


def proposal(ledger: Ledger, key: SigningKey | None = None, **changes: Any) -> PublicPart:
    """The entry of a proposal, as an honest enclave makes it but for the changes; nothing of it opens."""
    recorder = ledger.node.recorder
    made = EpochProposal(
        ledger.chain_id, 0, 1, bytes(SEALED_FRESH), bytes(32), bytes(32), recorder.public
    )
    signed = SignedEpochProposal.sign(replace(made, **changes), key or recorder)
    return ledger.part("epoch", body=signed.encode())


def verify(ledger: Ledger) -> ChainVerifier:
    now_ms = time.time_ns() // 1_000_000
    verifier = ChainVerifier(ledger.genesis.encode(), policy=policy_for(ledger), now_ms=now_ms)
    for block in ledger.blocks:
        verifier.append(LocalBlock(block.header.encode(), block.checkpoint.encode(), block.entries))
    return verifier


def refused(ledger: Ledger, reason: str) -> None:
    height = len(ledger.blocks)
    with pytest.raises(VerificationError, match=f"block {height}: .*{reason}") as problem:
        verify(ledger)
    assert problem.value.code == "chain_invalid"


def test_a_chain_over_two_epochs_verifies(ledger: Ledger) -> None:
    blocks = ledger.genesis.configuration.epochs.blocks
    for epoch in (1, 2):
        ledger.add([proposal(ledger, epoch=epoch)], epoch=epoch - 1)
        begins = len(ledger.blocks) + limits.EPOCH_DELAY
        reach(ledger, begins - 1, epoch - 1)
        reach(ledger, begins + blocks - 1, epoch)
    verifier = verify(ledger)
    assert verifier.height == len(ledger.blocks)


def test_an_epoch_that_begins_before_its_height(ledger: Ledger) -> None:
    ledger.add([proposal(ledger)])
    ledger.add([ledger.part("void")], epoch=1)
    refused(ledger, "it is of epoch 1, where epoch 0 is in use")


def test_an_epoch_that_was_never_fixed(ledger: Ledger) -> None:
    ledger.add([ledger.part("void")], epoch=1)
    refused(ledger, "it is of epoch 1, where epoch 0 is in use")


def test_an_epoch_that_is_kept_after_its_end(ledger: Ledger) -> None:
    ledger.add([proposal(ledger)])
    reach(ledger, len(ledger.blocks) + limits.EPOCH_DELAY)
    refused(ledger, "it is of epoch 0, where epoch 1 is in use")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain_id": bytes(32)}, "another chain or incarnation"),
        ({"incarnation": 1}, "another chain or incarnation"),
        ({"epoch": 0}, "another epoch than the next"),
        ({"epoch": 2}, "another epoch than the next"),
        ({"proposer": STRANGER.public, "key": STRANGER}, "no start entry announced"),
        ({"key": STRANGER}, "signature"),
    ],
)
def test_a_proposal_that_no_honest_enclave_records(
    ledger: Ledger, changes: dict[str, Any], reason: str
) -> None:
    ledger.add([proposal(ledger, **changes)])
    refused(ledger, reason)


def test_a_runner_may_not_propose(ledger: Ledger) -> None:
    runner = ledger.node.runner
    ledger.add([proposal(ledger, runner, proposer=runner.public)])
    refused(ledger, "no start entry announced")


def test_a_second_proposal_while_one_is_fixed(ledger: Ledger) -> None:
    ledger.add([proposal(ledger), proposal(ledger)])
    refused(ledger, "fixed already")


def test_a_proposal_before_its_time(tmp_path: Path) -> None:
    early = Ledger(tmp_path, time.time_ns() // 1_000_000 - 20 * 60 * 1000)
    early.start()
    early.add([proposal(early)])
    refused(early, "before the current one may end")


@pytest.mark.parametrize(
    "changes",
    [{"body": None}, {"code": "expired"}, {"claims": bytes(32)}, {"task_hash": bytes(32)},
     {"sealed": b"s"}],
)  # fmt: skip
def test_a_proposal_of_another_form(ledger: Ledger, changes: dict[str, Any]) -> None:
    ledger.add([replace(proposal(ledger), **changes)])
    refused(ledger, "an epoch entry")
