"""The runner when its host or its sandbox fails: a task ends with a result or stays pending, and nothing leaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.core.errors import GuestError, UnavailableError, UsageError
from adyton.protocol import boundary
from adyton.protocol.task import Content, TaskResult, blob_id, seal_blob
from adyton.sandbox.job import GuestJob, GuestOutcome
from tests import task_kit
from tests.host_fixtures import contacted, running
from tests.host_simulator import HostSimulator
from tests.task_kit import python

SECRET = "what only the guest may know"


class UnwillingHost(HostSimulator):
    """A host that refuses what the runner asks, a number of times."""

    refusals = 0
    code = "overloaded"
    asked = 0
    reads = 0

    def state_get(self, name: bytes) -> bytes | None:
        value = super().state_get(name)
        self.reads += 1
        return value

    def _perhaps(self) -> None:
        self.asked += 1
        if self.refusals > 0:
            self.refusals -= 1
            raise UnavailableError(self.code, "the host refuses")

    def submit(self, transaction: bytes) -> None:
        self._perhaps()
        super().submit(transaction)

    def blob(self, blob_id: bytes, size: int) -> bytes | None:
        self._perhaps()
        return super().blob(blob_id, size)


class FakeJail:
    """Stands where the sandbox does, and ends as a test says."""

    tier = "namespaces"
    memory_cap = "rlimit"
    layers = ()

    def __init__(self, end: Callable[[GuestJob], GuestOutcome]) -> None:
        self._end = end

    def run(self, job: GuestJob, *, cancel: threading.Event | None = None) -> GuestOutcome:
        return self._end(job)

    def close(self) -> None:
        """There is nothing to close."""


def said(job: GuestJob, **outputs: bytes) -> GuestOutcome:
    return GuestOutcome(0, None, None, job.code, b"", outputs, (), 0.5, 0.25, 1000)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UnwillingHost]:
    """A host over an enclave whose guests print their own code."""
    monkeypatch.setattr("adyton.enclave.chain._jail", lambda _: (FakeJail(said), "fake"))
    yield from running(UnwillingHost(tmp_path))


def replace_jail(host: HostSimulator, end: Callable[[GuestJob], GuestOutcome]) -> None:
    runner = host.dispatcher.chain._runner
    assert runner is not None
    runner._jail = FakeJail(end)  # type: ignore[assignment]  # as much of a jail as a runner needs


def pending(host: HostSimulator) -> int:
    return host.ask(boundary.Status(), boundary.StatusAnswer).pending


def wait(condition: Callable[[], bool]) -> None:
    """Poll until `condition()` holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def idle(host: HostSimulator) -> bool:
    return host.ask(boundary.Status(), boundary.StatusAnswer).running == 0


def test_an_overloaded_host_is_asked_again(host: UnwillingHost) -> None:
    client = contacted(host)
    host.refusals = 2
    ended = task_kit.run(client, python("print(1)"))
    assert (host.refusals, host.asked) == (0, 3)
    assert ended.result.stdout == b"print(1)"
    assert (ended.info.wall_us, ended.info.cpu_us, ended.info.peak_memory) == (
        500_000,
        250_000,
        1000,
    )


@pytest.mark.parametrize("code", ["enclave_down", "commit_failed"])
def test_a_host_that_is_gone_leaves_the_task_pending(host: UnwillingHost, code: str) -> None:
    client = contacted(host)
    host.refusals, host.code = 1, code
    accepted = task_kit.submit(client, python(""))
    wait(lambda: host.asked == 1 and idle(host))
    assert (host.submitted, pending(host)) == ([], 1)
    # The worker has survived it, and the next start takes the task up again.
    task_kit.run(client, python("another"))
    host.restart()
    assert task_kit.end(client, accepted).finish.attempt == 2


def test_a_blob_that_is_refused_now_is_asked_for_at_the_next_start(host: UnwillingHost) -> None:
    client = contacted(host)
    ref, ciphertext = seal_blob(b"print('large')", client.fresh())
    host.blobs[ref.id] = ciphertext
    host.refusals, host.code = 1, "enclave_down"
    accepted = task_kit.submit(client, python("", code=Content(None, ref)))
    wait(lambda: host.asked == 1 and idle(host))
    assert pending(host) == 1
    assert blob_id(ciphertext) in host.blobs
    host.restart()
    assert task_kit.end(client, accepted).result.stdout == b"print('large')"


def failing(problem: Exception) -> Callable[[GuestJob], GuestOutcome]:
    def end(_job: GuestJob) -> GuestOutcome:
        raise problem

    return end


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (GuestError("sandbox_failed", SECRET), "sandbox_failed"),
        (UnavailableError("sandbox_failed", SECRET), "sandbox_failed"),
        (UsageError("bad_argument", SECRET), "bad_argument"),
        (RuntimeError(SECRET), "invariant"),
        (MemoryError(SECRET), "invariant"),
    ],
)
def test_whatever_fails_in_the_sandbox_is_a_result_without_its_text(
    host: UnwillingHost, problem: Exception, code: str
) -> None:
    client = contacted(host)
    replace_jail(host, failing(problem))
    ended = task_kit.run(client, python(""))
    assert (ended.result.state, ended.result.code) == ("failed", code)
    assert (ended.result.stdout, ended.result.stderr, ended.result.exit_code) == (b"", b"", None)
    assert SECRET.encode() not in ended.result.encode()
    assert not any(SECRET.encode() in transaction for transaction in host.submitted)
    # The worker goes on.
    replace_jail(host, said)
    assert task_kit.run(client, python("next")).result.stdout == b"next"


def test_a_result_is_always_one_that_its_client_can_decode(host: UnwillingHost) -> None:
    """As much of everything as the sandbox may hand over, and names that are too long."""

    def much(job: GuestJob) -> GuestOutcome:
        outputs = {f"{number:03d}" + "x" * 8 * number: b"" for number in range(256)}
        refused = tuple("y" * 200 for _ in range(64))
        return GuestOutcome(None, 64, "memory", b"o", b"e", outputs, refused, 0.0, 0.0, 0)

    client = contacted(host)
    replace_jail(host, much)
    result: TaskResult = task_kit.run(client, python("")).result
    assert (result.signal, result.killed) == (64, "memory")
    assert len(result.outputs) == 128
    assert max(len(item.path) for item in result.outputs) <= 1024
    assert len(result.refused_outputs) == 64 + 128


def test_a_lie_about_a_pending_task_keeps_it_pending(host: UnwillingHost) -> None:
    client = contacted(host)
    accepted = task_kit.submit(client, python(""), commit_=False)
    # The block counts as stored, so its values are asked for again, and the host has others.
    host.dispatcher.chain.state.committed(host.height)
    honest = dict(host.state)
    host.state = {name: value[::-1] for name, value in honest.items()}
    host.reads = 0
    host.ask(boundary.Committed(host.height), boundary.Done)
    wait(lambda: host.reads > 0 and idle(host))
    assert pending(host) == 1
    host.state = honest
    assert task_kit.run(client, python("another")).result.stdout == b"another"
    assert not [each for each in host.submitted if accepted.exec_id in each]
    host.restart()
    assert task_kit.end(client, accepted).finish.attempt == 2


def test_what_ends_just_when_everything_stops_is_not_handed_in(
    host: UnwillingHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the end of a run that is to be forgotten could come after that of the run after it."""
    runner = host.dispatcher.chain._runner
    assert runner is not None
    finish = runner._finish

    def stopped_meanwhile(*given: Any) -> bytes:
        made = finish(*given)
        runner.stop()
        return made

    monkeypatch.setattr(runner, "_finish", stopped_meanwhile)
    client = contacted(host)
    accepted = task_kit.submit(client, python(""))
    wait(runner._stop.is_set)
    host.stop()
    assert host.submitted == []
    host.start()
    assert task_kit.end(client, accepted).finish.attempt == 2


def test_a_stop_waits_for_the_end_that_is_being_handed_in(
    host: UnwillingHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    submit = host.submit

    def slow(transaction: bytes) -> None:
        begun.set()
        may_go_on.wait(30)
        submit(transaction)

    client = contacted(host)
    monkeypatch.setattr(host, "submit", slow)
    task_kit.submit(client, python(""))
    assert begun.wait(30)
    releasing = threading.Timer(0.3, may_go_on.set)
    releasing.start()
    host.stop()
    assert len(host.submitted) == 1
    releasing.join()
    host.start()
