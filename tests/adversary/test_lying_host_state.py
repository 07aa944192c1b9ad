"""A host that lies about the state while blocks are executed: the enclave halts, and releases nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adyton.core.errors import UnavailableError, VerificationError
from adyton.protocol import boundary
from tests import task_kit
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, public

Lie = Callable[["LyingHost", bytes], bytes | None]


class LyingHost(HostSimulator):
    """A host whose answers to reads of the state are what `lie` says, once there is one."""

    lie: Lie | None = None
    asked = 0

    def state_get(self, name: bytes) -> bytes | None:
        self.asked += 1
        if self.lie is None:
            return super().state_get(name)
        return self.lie(self, name)

    def honest(self, name: bytes) -> bytes:
        return self.state[name]


def nothing(_host: LyingHost, _name: bytes) -> bytes | None:
    return None


def another_s(host: LyingHost, name: bytes) -> bytes | None:
    return next(value for other, value in sorted(host.state.items()) if other != name)


def too_much(host: LyingHost, name: bytes) -> bytes | None:
    return host.honest(name) + b"\x00"


def too_little(host: LyingHost, name: bytes) -> bytes | None:
    return host.honest(name)[:-1]


def empty(_host: LyingHost, _name: bytes) -> bytes | None:
    return b""


def garbage(host: LyingHost, name: bytes) -> bytes | None:
    return bytes(len(host.honest(name)))


def altered_header(host: LyingHost, name: bytes) -> bytes | None:
    return b"\x01" + host.honest(name)[1:]


def altered_value(host: LyingHost, name: bytes) -> bytes | None:
    value = host.honest(name)
    return value[:-1] + bytes([value[-1] ^ 1])


def refusal(_host: LyingHost, _name: bytes) -> bytes | None:
    # A code of the host's own choice must not become the client's answer.
    raise UnavailableError("not_admitted", "the host refuses")


def malformed(_host: LyingHost, _name: bytes) -> bytes | None:
    raise VerificationError("channel_violation", "an answer of another form")


LIES = [
    nothing,
    another_s,
    too_much,
    too_little,
    empty,
    garbage,
    altered_header,
    altered_value,
    refusal,
    malformed,
]


@pytest.fixture
def liar(tmp_path: Path) -> LyingHost:
    host = LyingHost(tmp_path, sandbox=False)
    host.start()
    return host


def assert_halted(host: HostSimulator) -> None:
    """Everything is refused from now on, and nothing comes out."""
    assert host.ask(boundary.Status(), boundary.StatusAnswer).lifecycle == "halted"
    for message in (
        boundary.ApplyBlock(host.height + 1, host.time_ms + 1, (), False),
        boundary.Committed(host.height),
        boundary.ShowEvidence(bytes(32)),
        boundary.Drain(),
    ):
        with pytest.raises(Refused) as refused:
            host.ask(message, boundary.Done)
        assert (refused.value.kind, refused.value.code) == ("UnavailableError", "enclave_down")


def recorded(host: HostSimulator) -> tuple[SimulatedClient, bytes]:
    """A client, and an envelope whose execution reads a value that is stored already."""
    client = contacted(host)
    signed = client.sign(client.notarize())
    host.block(client.seal(signed))
    return client, client.seal(signed)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_in_execution_halts_the_enclave(liar: LyingHost, lie: Lie) -> None:
    client, envelope = recorded(liar)
    good = client.envelope(client.notarize())
    liar.lie = lie
    with pytest.raises(Refused) as refused:
        liar.execute(good, envelope)  # what stands before the lie is not released either
    assert (refused.value.kind, refused.value.code) == ("InvariantError", "state_mismatch")
    assert_halted(liar)
    # A new process over the honest store goes on as if nothing had happened.
    liar.lie = None
    liar.start()
    assert client.account().total == 1


def test_the_honest_answer_is_asked_for_and_accepted(liar: LyingHost) -> None:
    client, envelope = recorded(liar)
    liar.asked = 0
    liar.lie = LyingHost.honest
    request = client.notarize()
    liar.block(envelope, client.envelope(request))
    assert liar.asked == 1  # the repetition's record; what is not in the index is not asked for


@pytest.mark.parametrize("lie", [nothing, garbage, another_s, refusal, malformed])
def test_a_lie_to_a_read_gets_no_answer_and_the_chain_goes_on(liar: LyingHost, lie: Lie) -> None:
    client, _ = recorded(liar)
    liar.lie = lie
    with pytest.raises(Refused) as refused:
        client.account()
    assert (refused.value.kind, refused.value.code) == ("UnavailableError", "state_mismatch")
    liar.lie = None
    assert client.account().total == 1
    request = client.notarize()
    assert client.open(liar.block(client.envelope(request)), 0, request).code == ""


def test_a_fault_of_ours_halts_without_its_text(liar: LyingHost) -> None:
    _, envelope = recorded(liar)
    secret = "what only the client may know"

    def fault(_host: LyingHost, _name: bytes) -> bytes | None:
        raise RuntimeError(secret)

    liar.lie = fault
    failure = liar.dispatcher.dispatch(
        boundary.ApplyBlock(liar.height + 1, liar.time_ms, (envelope,), False).encode()
    )
    assert isinstance(failure, boundary.Failure)
    assert (failure.kind, failure.code) == ("InvariantError", "invariant")
    assert failure.text == "the enclave has halted"
    assert secret.encode() not in failure.encode()
    assert_halted(liar)


@pytest.mark.parametrize("lie", LIES)
def test_the_end_of_a_task_asks_the_host_for_nothing(liar: LyingHost, lie: Lie) -> None:
    """Which tasks are pending, and whose keys were announced, the enclave knows from the verified state."""
    client = contacted(liar)
    accepted = task_kit.submit(client, task_kit.python(""))
    finish = task_kit.finish_of(liar, accepted.exec_id)
    liar.lie = lie
    result = liar.execute(finish)
    liar.lie = None
    assert public(result.entries[0]).kind == "finish"
