"""A host that lies while contracts run: about their values, and about the machine code that it keeps for them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest

from adyton.core.errors import MalformedError
from adyton.sandbox.wasm.engine import Engine
from tests.contract_kit import Sink, built
from tests.host_simulator import HostSimulator, Refused

Lie = Callable[["LyingHost", bytes], bytes | None]


class LyingHost(HostSimulator):
    """A host that answers reads of the state by `lie`, once there is one."""

    lie: Lie | None = None
    old: dict[bytes, bytes]

    def state_get(self, name: bytes) -> bytes | None:
        return super().state_get(name) if self.lie is None else self.lie(self, name)

    def copied(self) -> LyingHost:
        """Return a host that holds the same, not yet started."""
        made = LyingHost(self.directory, self.config, sandbox=self.sandbox)
        made.state, made.old = dict(self.state), self.old
        made.modules, made.blobs = dict(self.modules), dict(self.blobs)
        made.head, made.sealed_root = self.head, self.sealed_root
        made.height, made.time_ms = self.height, self.time_ms
        return made


def an_old_value(host: LyingHost, name: bytes) -> bytes | None:
    return host.old.get(name)


def another_keys_value(host: LyingHost, name: bytes) -> bytes | None:
    return next(value for other, value in sorted(host.state.items(), reverse=True) if other != name)


def nothing(_host: LyingHost, _name: bytes) -> bytes | None:
    return None


def too_much(host: LyingHost, name: bytes) -> bytes | None:
    return host.state[name] + b"\x00"


def too_little(host: LyingHost, name: bytes) -> bytes | None:
    return host.state[name][:-1]


LIES = (an_old_value, another_keys_value, nothing, too_much, too_little)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Sink:
    """A contract that has been called twice, on a host that has stopped since."""
    host = LyingHost(tmp_path_factory.mktemp("lying"), sandbox=False)
    host.start()
    made = Sink(host, b"l" * 32)
    made.do("move_two")
    host.old = dict(host.state)
    made.do("move_two")
    host.stop()
    return made


@pytest.fixture
def sink(prepared: Sink) -> Iterator[Sink]:
    """The contract on a copy of its host.

    What was used lately is in enclave memory: after a restart, the host is asked for everything.
    """
    made = copy.copy(prepared)
    made.host = lying(prepared).copied()
    made.host.start()
    made.client = copy.copy(prepared.client)
    made.client.host = made.host
    made.client.contact()
    yield made
    made.host.stop()


def lying(sink: Sink) -> LyingHost:
    assert isinstance(sink.host, LyingHost)
    return sink.host


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_to_a_call_halts_the_enclave_and_nothing_is_released(sink: Sink, lie: Lie) -> None:
    lying(sink).lie = lie
    height = sink.host.height
    with pytest.raises(Refused) as refused:
        sink.do("move_two")
    assert refused.value.kind == "InvariantError"
    lying(sink).lie = None
    with pytest.raises(Refused):
        sink.do("move_two")
    assert sink.host.height == height


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_to_a_query_gets_no_answer_and_the_chain_goes_on(sink: Sink, lie: Lie) -> None:
    lying(sink).lie = lie
    with pytest.raises(Refused) as refused:
        sink.see("get", key=b"a".hex())
    assert refused.value.kind == "UnavailableError"
    lying(sink).lie = None
    assert sink.get(b"a") == (2).to_bytes(8, "little").hex()
    assert sink.do("move_two").status == "done"


def test_what_is_at_hand_is_not_asked_for_and_what_is_written_is_not_stale(sink: Sink) -> None:
    host = lying(sink)
    sink.do("move_two")
    host.lie = an_old_value
    for _ in range(3):
        # The intake's own reads are of keys that are not there, and ask nobody.
        assert sink.do("move_two").status == "done"
    host.lie = None
    assert sink.get(b"a") == (6).to_bytes(8, "little").hex()


def test_machine_code_of_the_hosts_own_is_never_run(sink: Sink) -> None:
    host = lying(sink)
    (name,) = host.modules
    genuine = host.modules[name]
    other = sink.deploy(built("counter"))
    (foreign,) = [one for one in host.modules if one != name]
    for altered in (
        b"",
        b"junk",
        genuine[:-1] + bytes([genuine[-1] ^ 1]),
        host.modules[foreign],
        genuine + b"\x00",
    ):
        host.stop()
        host.modules[name] = altered
        host.restart()
        sink.client.contact()
        assert sink.do("move_two").status == "done"
        # It was compiled again, and kept again.
        assert host.modules[name] == genuine or len(host.modules[name]) == len(genuine)
    assert sink.call(other.address, "add", bytes(8)).status == "done"


def test_machine_code_of_another_processor_is_made_again(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain that has moved: what was sealed opens, and the engine cannot use it here."""
    load = Engine.load
    refused: list[bytes] = []

    def load_second(engine: Engine, name: bytes, compiled: bytes) -> None:
        if not refused:
            refused.append(name)
            raise MalformedError("module_refused", "of another processor")
        load(engine, name, compiled)

    monkeypatch.setattr(Engine, "load", load_second)
    assert sink.do("move_two").status == "done"
    assert refused


def test_a_host_that_keeps_no_module_costs_time_alone(sink: Sink) -> None:
    host = lying(sink)
    before = sink.do("move_two").usage
    host.stop()
    host.modules.clear()
    host.restart()
    sink.client.contact()
    assert sink.do("move_two").usage == before


def test_a_contracts_code_cannot_be_replaced_by_the_host(sink: Sink) -> None:
    host = lying(sink)
    counter = sink.deploy(built("counter")).address
    host.stop()
    host.modules.clear()
    host.restart()
    sink.client.contact()
    host.lie = another_keys_value
    with pytest.raises(Refused):
        sink.call(counter, "add", bytes(8))
