"""Epochs advance by height: who may fix the next one, when its keys are used, and when the old ones are gone."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.core.crypto import SigningKey
from adyton.core.schema import peek_name
from adyton.enclave.sealing import Root
from adyton.protocol import boundary
from adyton.protocol.boundary import BlockResult
from adyton.protocol.epoch import EpochProposal, SignedEpochProposal
from adyton.protocol.ledger import BlockHeader, Checkpoint
from tests import replica, task_kit
from tests.host_fixtures import contacted, running
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, configuration, public
from tests.recorded_blocks import Recorded
from tests.task_kit import python
from tests.unit.enclave.test_determinism import replayed

BLOCKS, GRACE = 10, 4


class EpochHost(HostSimulator):
    """Orders what the enclave proposes with the next block, unless it withholds it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, configuration(epochs=(BLOCKS, GRACE)), sandbox=False)
        self.proposals = 0  # taken so far

    def proposal(self) -> bytes:
        """Return the enclave's newest proposal; it is handed in on a thread of its own."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = self.all_proposals()
            if len(found) > self.proposals:
                self.proposals = len(found)
                return found[-1]
            time.sleep(0.002)
        raise TimeoutError("the enclave has not proposed an epoch")

    def all_proposals(self) -> list[bytes]:
        """Return what the enclave has proposed so far."""
        name = SignedEpochProposal.WIRE_NAME
        return [one for one in list(self.submitted) if peek_name(one) == name]

    def until(self, height: int) -> BlockResult:
        """Execute empty blocks up to this height."""
        while self.height < height:
            self.block()
        return self.blocks[-1]

    def advance(self) -> int:
        """Make blocks until the next epoch is in use; return its first height."""
        record = self.evidence().epoch.record
        self.until(record.from_height + BLOCKS - 1)
        fixed = self.block(self.proposal())
        assert public(fixed.entries[0]).kind == "epoch"
        self.until(self.height + limits.EPOCH_DELAY)
        return self.height

    @property
    def root(self) -> Root:
        """The sealed root as it is stored, opened."""
        return self.dispatcher._sealer.open_root(self.sealed_root or b"")


@pytest.fixture
def epochs(tmp_path: Path) -> Iterator[EpochHost]:
    yield from running(EpochHost(tmp_path))


def code_of(host: HostSimulator, transaction: bytes) -> str:
    """The code of the void entry that this transaction leaves."""
    entry = host.block(transaction).entries[0]
    assert public(entry).kind == "void"
    return entry.code


def decoded(proposal: bytes) -> EpochProposal:
    return SignedEpochProposal.decode(proposal).verify()


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


# --- transient state ------------------------------------------------------------------------------


def generations(host: HostSimulator) -> list[int]:
    """The epochs that seal the transient values which the host stores."""
    return sorted(
        int.from_bytes(value[1:5], "big") for value in host.state.values() if value[0] == 1
    )


def test_pending_tasks_are_sealed_anew_and_can_be_finished(epochs: EpochHost) -> None:
    client = contacted(epochs)
    tasks = [
        client.envelope(client.request("tasks", "submit", python("").encode())) for _ in range(20)
    ]
    accepted = epochs.block(*tasks)
    header = BlockHeader.decode(accepted.header)
    exec_ids = [header.exec_id(0, index) for index in range(20)]
    ends = [task_kit.finish_of(epochs, exec_id) for exec_id in exec_ids[:2]]
    begins = epochs.advance()
    assert generations(epochs) == [0] * (20 - limits.EPOCH_REWRAP) + [1] * limits.EPOCH_REWRAP
    stale = sorted(n for n, v in epochs.state.items() if v[0] == 1 and v[1:5] == bytes(4))
    newer = [n for n, v in epochs.state.items() if v[0] == 1 and v[1:5] != bytes(4)]
    assert max(newer) < min(stale)
    assert epochs.block(ends[0]).entries[0].code == ""
    assert set(generations(epochs)) == {1}
    epochs.until(begins + GRACE)
    # An end that was made under the old epoch's key is void by then; the runner makes it anew.
    assert code_of(epochs, ends[1]) == "wrong_epoch"
    epochs.submitted.clear()
    epochs.restart()
    for exec_id in exec_ids[1:]:
        assert epochs.block(task_kit.finish_of(epochs, exec_id)).entries[0].code == ""
    assert epochs.ask(boundary.Status(), boundary.StatusAnswer).pending == 0


# --- restarts, and what the host gives back -------------------------------------------------------


def test_a_restart_at_every_height_of_a_change_goes_on(epochs: EpochHost) -> None:
    client = contacted(epochs)
    epochs.block(client.envelope(client.request("tasks", "submit", python("").encode())))
    epochs.until(BLOCKS - 1)
    epochs.block(epochs.proposal())
    for _ in range(limits.EPOCH_DELAY + GRACE + 2):
        assert epochs.restart().entries[0].code == ""
        client.contact()
        assert epochs.block(client.envelope(client.notarize())).entries[0].code == ""
    assert epochs.evidence().epoch.record.epoch == 1
    assert [one.epoch for one in epochs.root.epochs] == [1]
    assert epochs.ask(boundary.Status(), boundary.StatusAnswer).pending == 1


def test_root_and_head_of_different_blocks_are_refused(epochs: EpochHost) -> None:
    epochs.until(BLOCKS - 1)
    old_root, old_head, old_state = epochs.sealed_root, epochs.head, dict(epochs.state)
    epochs.block(epochs.proposal())
    new_root, new_head = epochs.sealed_root, epochs.head
    for root, head, state in (
        (old_root, new_head, epochs.state), (new_root, old_head, old_state), (new_root, None, {}),
    ):  # fmt: skip
        fork = epochs.fork()
        fork.sealed_root, fork.head, fork.state = root, head, dict(state)
        fork.provision()
        with pytest.raises(Refused) as refused:
            fork.load()
        assert refused.value.code == "sealed_invalid"
        fork.stop()
    together = epochs.fork()
    together.provision()
    assert together.load().height == epochs.height
    together.stop()


# --- determinism ----------------------------------------------------------------------------------


def test_replicas_agree_over_three_epochs(tmp_path: Path) -> None:
    host = EpochHost(tmp_path)
    start = host.start()
    made = Recorded(host)
    made.note(start, (public(start.entries[0]).body or b"",), False)
    client = contacted(host)
    submit = python("").encode()
    for epoch in range(3):
        tasks = [client.envelope(client.request("tasks", "submit", submit)) for _ in range(20)]
        accepted = made.block(*tasks)
        exec_id = BlockHeader.decode(accepted.header).exec_id(epoch, 7)
        begun = host.evidence().epoch.record.from_height
        while host.height < begun + BLOCKS - 1:
            made.block()
        made.block(host.proposal(), task_kit.finish_of(host, exec_id))
        while host.evidence().epoch.record.epoch == epoch:
            made.block(client.envelope(client.notarize()))
        client.contact()
    while len(host.root.epochs) > 1:
        made.block()
    host.stop()
    assert {told["facts"]["epoch"] for told in made.told} == {0, 1, 2, 3}
    assert sum(told["root"] is not None for told in made.told) == 6
    again = replayed(
        replica.record(host, made.blocks), {"PYTHONHASHSEED": "99"}, "0", os.urandom(4).hex()
    )
    assert again == json.loads(json.dumps(made.told))
