"""Tasks that a stop or a crash interrupts: they stay pending, and are begun again, so often and no more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.protocol import boundary
from adyton.protocol.task import SignedFinish
from tests import task_kit
from tests.host_fixtures import contacted, running
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, public
from tests.task_kit import python


class DeafHost(HostSimulator):
    """A host that forgets what the runner hands in, while it is deaf."""

    deaf = False

    def submit(self, transaction: bytes) -> None:
        if not self.deaf:
            super().submit(transaction)


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[DeafHost]:
    yield from running(DeafHost(tmp_path, sandbox=False))


def status(host: HostSimulator) -> boundary.StatusAnswer:
    return host.ask(boundary.Status(), boundary.StatusAnswer)


def wait_for(host: HostSimulator, *, running_: int) -> None:
    """Poll until so many tasks are in the sandbox."""
    deadline = time.monotonic() + 60
    while status(host).running != running_:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_pending_task_is_begun_again_with_the_next_attempt(deaf: DeafHost) -> None:
    client = contacted(deaf)
    deaf.deaf = True
    accepted = task_kit.submit(client, python(""))
    deaf.stop()
    deaf.deaf = False
    deaf.start()
    ended = task_kit.end(client, accepted)
    assert (ended.finish.attempt, ended.info.attempt) == (2, 2)
    assert status(deaf).pending == 0


def test_a_task_accepted_and_never_begun_is_begun_at_the_next_start(own: HostSimulator) -> None:
    client = contacted(own)
    accepted = task_kit.submit(client, python(""), commit_=False)
    own.restart()
    assert task_kit.end(client, accepted).finish.attempt == 2


def test_nothing_is_begun_before_the_start_entry_is_stored(deaf: DeafHost) -> None:
    client = contacted(deaf)
    deaf.deaf = True
    accepted = task_kit.submit(client, python(""))
    deaf.stop()
    deaf.deaf = False
    deaf.provision()
    deaf.load()
    deaf.execute(deaf.serve())
    assert (status(deaf).pending, status(deaf).running, deaf.submitted) == (1, 0, [])
    deaf.ask(boundary.Committed(deaf.height), boundary.Done)
    assert task_kit.end(client, accepted).result.code == "sandbox_unavailable"


def test_a_task_interrupted_too_often_is_ended_unrun(deaf: DeafHost) -> None:
    client = contacted(deaf)
    deaf.deaf = True
    accepted = task_kit.submit(client, python(""))
    for _ in range(limits.TASK_ATTEMPTS - 1):
        deaf.restart()
    deaf.stop()
    deaf.deaf = False
    deaf.start()
    ended = task_kit.end(client, accepted)
    assert (ended.result.state, ended.result.code) == ("failed", "attempts_exhausted")
    assert ended.finish.attempt == limits.TASK_ATTEMPTS + 1
    assert (ended.info.wall_us, ended.result.stdout) == (0, b"")
    assert status(deaf).pending == 0


def test_the_last_attempt_still_runs(deaf: DeafHost) -> None:
    client = contacted(deaf)
    deaf.deaf = True
    accepted = task_kit.submit(client, python(""))
    for _ in range(limits.TASK_ATTEMPTS - 2):
        deaf.restart()
    deaf.stop()
    deaf.deaf = False
    deaf.start()
    ended = task_kit.end(client, accepted)
    assert (ended.finish.attempt, ended.result.code) == (
        limits.TASK_ATTEMPTS,
        "sandbox_unavailable",
    )


def test_an_ended_task_is_not_begun_again(own: HostSimulator) -> None:
    client = contacted(own)
    task_kit.run(client, python(""))
    handed_in = len(own.submitted)
    own.restart()
    assert status(own).pending == 0
    own.block(client.envelope(client.notarize()))
    assert len(own.submitted) == handed_in


def test_drain_ends_a_running_guest_and_leaves_its_task_pending(tmp_path: Path) -> None:
    host = HostSimulator(tmp_path)
    host.start()
    client = contacted(host)
    accepted = task_kit.submit(client, python("import time\ntime.sleep(50)"))
    wait_for(host, running_=1)
    begun = time.monotonic()
    host.ask(boundary.Drain(), boundary.Done)
    wait_for(host, running_=0)
    assert time.monotonic() - begun < 40
    assert (status(host).lifecycle, status(host).pending) == ("draining", 1)
    assert host.submitted == []
    with pytest.raises(Refused) as refused:
        host.execute(client.envelope(client.notarize()))
    assert refused.value.code == "wrong_state"
    host.stop()
    # Once more, and to the end: what it prints tells that it ran anew.
    host.sandbox = False
    host.start()
    assert task_kit.end(client, accepted).finish.attempt == 2


def test_a_halt_ends_running_guests_and_releases_no_result(tmp_path: Path) -> None:
    host = HostSimulator(tmp_path)
    host.start()
    client = contacted(host)
    task_kit.submit(client, python("import time\ntime.sleep(50)"))
    wait_for(host, running_=1)
    signed = client.sign(client.notarize())
    host.block(client.seal(signed))
    host.state = dict.fromkeys(host.state, b"")
    with pytest.raises(Refused) as refused:
        host.execute(client.seal(signed))
    assert refused.value.code == "state_mismatch"
    wait_for(host, running_=0)
    assert host.submitted == []
    host.stop()


def test_a_block_over_a_running_task_goes_on(own: HostSimulator) -> None:
    client = contacted(own)
    accepted = [task_kit.submit(client, python("")) for _ in range(3)]
    transactions = [task_kit.finish_of(own, each.exec_id) for each in accepted]
    result = own.block(*transactions, client.envelope(client.notarize()))
    kinds = [public(entry).kind for entry in result.entries]
    assert kinds == ["finish"] * 3 + ["request"]
    assert {SignedFinish.decode(each).finish.attempt for each in transactions} == {1}


def test_a_client_opens_a_result_with_nothing_but_its_own_keys(own: HostSimulator) -> None:
    client: SimulatedClient = contacted(own)
    one = task_kit.run(client, python(""))
    two = task_kit.run(client, python(""))
    assert one.finish.result != two.finish.result
    assert one.finish.claims != two.finish.claims
    assert one.finish.private != two.finish.private
