"""What lasts longer than an epoch: transient values, ends of tasks, restarts, and what replicas leave."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.core.errors import UnavailableError
from adyton.core.schema import peek_name
from adyton.protocol import boundary
from adyton.protocol.ledger import BlockHeader
from adyton.protocol.task import SignedFinish
from tests import replica, task_kit
from tests.epoch_kit import BLOCKS, GRACE, EpochHost, code_of
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused, public
from tests.recorded_blocks import Recorded
from tests.task_kit import python
from tests.unit.enclave.test_determinism import replayed

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
    ends = [task_kit.finish_of(epochs, exec_id) for exec_id in exec_ids]
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


def test_a_block_seals_few_bytes_anew(epochs: EpochHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EPOCH_REWRAP_BYTES", 1)
    client = contacted(epochs)
    submit = python("").encode()
    epochs.block(*[client.envelope(client.request("tasks", "submit", submit)) for _ in range(7)])
    begins = epochs.advance()
    for done in range(1, 7):
        assert generations(epochs) == [0] * (7 - done) + [1] * done
        # The secret stays as long as a value needs it, whatever the grace.
        assert [one.epoch for one in epochs.root.epochs] == [0, 1]
        epochs.block()
    assert epochs.height > begins + GRACE
    assert generations(epochs) == [1] * 7
    assert [one.epoch for one in epochs.root.epochs] == [1]


def test_an_end_that_is_ordered_too_late_is_made_anew(epochs: EpochHost) -> None:
    client = contacted(epochs)
    ended = threading.Event()
    keep = epochs.submit

    def late(transaction: bytes) -> None:
        keep(transaction)
        if peek_name(transaction) == SignedFinish.WIRE_NAME and not ended.is_set():
            assert ended.wait(60)
            raise UnavailableError("wrong_epoch", "what the host is told of a void entry")

    epochs.submit = late  # type: ignore[method-assign]  # a host whose blocks come late
    accepted = task_kit.submit(client, python(""))
    first = task_kit.finish_of(epochs, accepted.exec_id)
    epochs.until(epochs.advance() + GRACE)
    assert code_of(epochs, first) == "wrong_epoch"
    epochs.submitted.clear()
    ended.set()
    second = task_kit.finish_of(epochs, accepted.exec_id)
    assert [SignedFinish.decode(one).finish.epoch for one in (first, second)] == [0, 1]
    assert epochs.block(second).entries[0].code == ""
    assert epochs.ask(boundary.Status(), boundary.StatusAnswer).pending == 0


def test_whoever_looks_while_a_value_is_sealed_anew_finds_it(epochs: EpochHost) -> None:
    client = contacted(epochs)
    accepted = task_kit.submit(client, python(""))
    epochs.until(BLOCKS - 1)
    epochs.block(epochs.proposal())
    epochs.until(epochs.height + limits.EPOCH_DELAY - 1)
    honest = epochs.state_get
    looks = []

    def meanwhile(name: bytes) -> bytes | None:
        looks.append(name)
        if len(looks) == 1:
            epochs.block()  # the first of the new epoch
        return honest(name)

    epochs.state_get = meanwhile  # type: ignore[method-assign]  # another thread than the one that executes
    pending = epochs.dispatcher.chain._tasks.pending_task(accepted.exec_id)
    assert pending is not None
    assert pending.exec_id == accepted.exec_id
    assert generations(epochs) == [1]
    assert len(looks) > 1


def test_a_host_that_lies_when_a_value_is_sealed_anew_halts_the_enclave(epochs: EpochHost) -> None:
    client = contacted(epochs)
    task_kit.submit(client, python(""))
    epochs.until(BLOCKS - 1)
    epochs.block(epochs.proposal())
    epochs.until(epochs.height + limits.EPOCH_DELAY - 1)
    (name,) = [name for name, value in epochs.state.items() if value[0] == 1]
    epochs.state[name] = epochs.state[name][:-1] + bytes([epochs.state[name][-1] ^ 1])
    with pytest.raises(Refused) as refused:
        epochs.block()
    assert refused.value.code == "state_mismatch"
    assert epochs.ask(boundary.Status(), boundary.StatusAnswer).lifecycle == "halted"


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
