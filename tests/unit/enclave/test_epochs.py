"""Epochs advance by height: who may fix the next one, when its keys are used, and when the old ones are gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.core.crypto import SigningKey
from adyton.protocol import boundary
from adyton.protocol.epoch import EpochProposal, SignedEpochProposal
from adyton.protocol.ledger import Checkpoint
from tests.epoch_kit import BLOCKS, GRACE, EpochHost, code_of, decoded
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, configuration, public


def test_an_epoch_begins_when_a_proposal_is_ordered_and_not_before(epochs: EpochHost) -> None:
    first = epochs.evidence().epoch.record
    assert (first.epoch, first.from_height, first.to_height) == (0, 0, None)
    epochs.until(BLOCKS - 2)
    assert epochs.submitted == []
    epochs.until(BLOCKS - 1)
    fixed = epochs.block(epochs.proposal())
    part = public(fixed.entries[0])
    assert (part.kind, part.epoch, fixed.entries[0].code) == ("epoch", 0, "")
    begins = epochs.height + limits.EPOCH_DELAY
    ending = epochs.evidence().epoch.record
    assert (ending.epoch, ending.to_height) == (0, begins - 1 + GRACE)
    before = epochs.until(begins - 1)
    assert Checkpoint.decode(before.checkpoint).facts.epoch == 0
    after = epochs.block()
    assert Checkpoint.decode(after.checkpoint).facts.epoch == 1
    record = epochs.evidence().epoch.record
    assert (record.epoch, record.from_height, record.to_height) == (1, begins, None)
    assert record.intake_key == decoded(part.body or b"").intake_key != first.intake_key
    assert epochs.ask(boundary.Status(), boundary.StatusAnswer).epoch == 1


def test_the_old_epoch_opens_for_the_grace_and_no_longer(epochs: EpochHost) -> None:
    old = contacted(epochs)
    begins = epochs.advance()
    fresh = contacted(epochs)
    assert (old.epoch, fresh.epoch) == (0, 1)
    request = old.notarize()
    result = epochs.block(old.envelope(request), fresh.envelope(fresh.notarize()))
    assert [entry.code for entry in result.entries] == ["", ""]
    # The response's ticket goes with the server key that the client holds.
    old.tickets.append(old.open(result, 0, request).ticket or b"")
    assert old.account().items
    epochs.until(begins + GRACE - 2)
    last = epochs.block(old.envelope(old.notarize()))
    assert last.entries[0].code == ""
    assert code_of(epochs, old.envelope(old.notarize())) == "wrong_epoch"
    with pytest.raises(Refused) as refused:
        old.account()
    assert refused.value.code == "wrong_epoch"


def test_first_contact_opens_in_the_grace_and_no_longer(epochs: EpochHost) -> None:
    node = epochs.evidence()
    begins = epochs.advance()
    client = SimulatedClient(epochs, b"late")

    def evidence(nonce: bytes = bytes(32)) -> object:
        return node

    epochs.evidence = evidence  # type: ignore[method-assign, assignment]  # the client asked before the epoch began
    client.contact()
    assert client.epoch == 0
    assert epochs.block(client.envelope(client.notarize())).entries[0].code == ""
    epochs.until(begins + GRACE)
    with pytest.raises(Refused) as refused:
        client.contact()
    assert refused.value.code == "wrong_epoch"


def test_the_secret_is_dropped_after_the_grace(epochs: EpochHost) -> None:
    secret, node = epochs.root.epochs[0].secret, epochs.root.node_secret
    begins = epochs.advance()
    assert [one.epoch for one in epochs.root.epochs] == [0, 1]
    assert epochs.root.node_secret != node
    epochs.until(begins + GRACE)
    assert [one.epoch for one in epochs.root.epochs] == [1]
    kept = epochs.root.encode()
    assert secret not in kept
    assert node not in kept
    assert secret not in {one.secret for one in epochs.dispatcher.chain.keys._held.values()}


# --- who may fix an epoch -------------------------------------------------------------------------


def due(host: EpochHost) -> bytes:
    host.until(BLOCKS - 1)
    return host.proposal()


def signed(proposal: EpochProposal, host: HostSimulator) -> bytes:
    """Under the node's own key: what an enclave of other code could make."""
    node = host.dispatcher.chain._node
    assert node is not None
    return SignedEpochProposal.sign(proposal, node.recorder).encode()


def test_a_replayed_proposal_is_void(epochs: EpochHost) -> None:
    proposal = due(epochs)
    assert epochs.block(proposal).entries[0].code == ""
    assert code_of(epochs, proposal) == "wrong_epoch"
    epochs.until(epochs.height + limits.EPOCH_DELAY + BLOCKS)
    assert code_of(epochs, proposal) == "wrong_epoch"


def test_of_two_proposals_the_first_wins(epochs: EpochHost) -> None:
    one = due(epochs)
    epochs.block()
    two = epochs.proposal()
    assert one != two
    result = epochs.block(two, one)
    assert [entry.code for entry in result.entries] == ["", "wrong_epoch"]
    epochs.until(epochs.height + limits.EPOCH_DELAY)
    assert epochs.evidence().epoch.record.intake_key == decoded(two).intake_key


def test_an_early_proposal_is_void(epochs: EpochHost) -> None:
    fork = epochs.fork()
    proposal = due(epochs)
    fork.provision()
    fork.load()
    fork.block(fork.serve())
    while fork.height < BLOCKS - 2:
        fork.block()
    # The recorder that proposed was announced before the fork, so that its height alone is wrong.
    assert code_of(fork, proposal) == "not_yet_valid"
    assert fork.block().sealed_root is None
    fork.stop()


def test_a_forged_proposal_is_void(epochs: EpochHost) -> None:
    proposal = decoded(due(epochs))
    stranger = SigningKey(b"s" * 32)
    forged = replace(proposal, proposer=stranger.public)
    assert code_of(epochs, SignedEpochProposal.sign(forged, stranger).encode()) == "bad_signature"
    assert code_of(epochs, SignedEpochProposal.sign(proposal, stranger).encode()) == "bad_signature"
    runner = epochs.dispatcher.chain._node
    assert runner is not None
    forged = replace(proposal, proposer=runner.runner.public)
    assert (
        code_of(epochs, SignedEpochProposal.sign(forged, runner.runner).encode()) == "bad_signature"
    )
    assert epochs.evidence().epoch.record.to_height is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": bytes(32)}, "wrong_chain"),
        ({"incarnation": 1}, "wrong_chain"),
        ({"epoch": 0}, "wrong_epoch"),
        ({"epoch": 2}, "wrong_epoch"),
        ({"sealed": bytes(80)}, "unopenable"),
        ({"secret_digest": bytes(32)}, "unopenable"),
        ({"intake_key": bytes(32)}, "unopenable"),
    ],
)
def test_a_proposal_that_does_not_hold_is_void(
    epochs: EpochHost, changes: dict[str, object], code: str
) -> None:
    proposal = decoded(due(epochs))
    wrong = replace(proposal, **changes)  # type: ignore[arg-type]  # fields by name
    assert code_of(epochs, signed(wrong, epochs)) == code
    assert epochs.evidence().epoch.record.to_height is None
    assert epochs.block(signed(proposal, epochs)).entries[0].code == ""


def test_a_host_that_withholds_delays_and_the_enclave_proposes_again(epochs: EpochHost) -> None:
    client = contacted(epochs)
    due(epochs)
    for _ in range(3 * BLOCKS):
        assert epochs.block(client.envelope(client.notarize())).entries[0].code == ""
        if not client.tickets:
            client.contact()
    assert epochs.evidence().epoch.record.epoch == 0
    assert len(epochs.submitted) > 2
    assert epochs.block(epochs.submitted[-1]).entries[0].code == ""
    epochs.until(epochs.height + limits.EPOCH_DELAY)
    assert epochs.evidence().epoch.record.epoch == 1


def test_epochs_never_advance_where_genesis_says_so(tmp_path: Path) -> None:
    host = HostSimulator(tmp_path, sandbox=False)
    host.start()
    for _ in range(limits.EPOCH_BLOCKS_LEAST * 2):
        host.block()
    assert host.submitted == []
    host.stop()


@pytest.mark.parametrize("epochs_", [(0, 1), (7, 4), (10, 0), (10, 11)])
def test_an_impossible_policy_is_refused(tmp_path: Path, epochs_: tuple[int, int]) -> None:
    host = HostSimulator(tmp_path, configuration(epochs=epochs_), sandbox=False)
    with pytest.raises(Refused) as refused:
        host.provision()
    assert refused.value.code == "bad_argument"
