"""A host that lies while the state is loaded: refused, and nothing half loaded is ever used."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adyton.core.errors import RollbackError, UnavailableError
from adyton.protocol import boundary
from adyton.protocol.ledger import BlockHeader, Checkpoint, CheckpointFacts
from tests.host_fixtures import contacted, running
from tests.host_simulator import HostSimulator, Refused, SimulatedClient

Pages = list[tuple[tuple[bytes, bytes], ...]]
NAMES_SLOT = bytes(32)


class PagingHost(HostSimulator):
    """A host that gives the pages that a test made up."""

    pages: Iterator[tuple[tuple[bytes, bytes], ...]] | None = None
    slot: bytes | str | None = "honest"

    def state_scan(self, after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
        if self.pages is None:
            return super().state_scan(after)
        return next(self.pages, ())

    def state_get(self, name: bytes) -> bytes | None:
        if name == NAMES_SLOT and not isinstance(self.slot, str):
            return self.slot
        return super().state_get(name)


@pytest.fixture
def stored(tmp_path: Path) -> tuple[PagingHost, SimulatedClient]:
    """A stopped node with a few blocks behind it, and one of its clients."""
    host = PagingHost(tmp_path, sandbox=False)
    host.start()
    client = contacted(host)
    for _ in range(4):
        host.block(client.envelope(client.notarize()))
    host.restart()
    host.stop()
    return host, client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[HostSimulator]:
    yield from running(HostSimulator(tmp_path, sandbox=False))


def refused(host: HostSimulator) -> str:
    """The code with which the load is refused; the enclave is of no more use then."""
    host.provision()
    with pytest.raises(Refused) as problem:
        host.load()
    assert problem.value.kind == "VerificationError"
    assert host.ask(boundary.Status(), boundary.StatusAnswer).lifecycle == "halted"
    for message in (boundary.LoadState(host.head), boundary.Serve(), boundary.Drain()):
        with pytest.raises(Refused) as again:
            host.ask(message, boundary.Loaded)
        assert again.value.code == "enclave_down"
    return problem.value.code


def in_pages(values: list[tuple[bytes, bytes]], size: int = 3) -> Pages:
    return [tuple(values[at : at + size]) for at in range(0, len(values), size)]


def test_the_honest_pages_are_accepted_in_any_size(
    stored: tuple[PagingHost, SimulatedClient],
) -> None:
    host, client = stored
    for size in (1, 2, 7, 1000):
        host.pages = iter(in_pages(sorted(host.state.items()), size))
        host.start()
        assert client.account().total == 4
        host.stop()


Forge = Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]


def without_first(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return values[1:]


def without_last(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return values[:-1]


def without_any(_values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return []


def twice(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [values[0], *values]


def again_from_the_start(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return values * 2


def swapped_values(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    (one, first), (two, second), *rest = values[1:]
    return [values[0], (one, second), (two, first), *rest]


def swapped_order(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [values[0], values[2], values[1], *values[3:]]


def descending(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return values[::-1]


def renamed(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [*values[:-1], (b"\xff" * 32, values[-1][1])]


def copied(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [*values, (b"\xff" * 32, values[-1][1])]


def made_up(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [*values, (b"\xff" * 32, bytes(120))]


def cut(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [*values[:-1], (values[-1][0], values[-1][1][:16])]


def emptied(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [*values[:-1], (values[-1][0], b"")]


def flipped(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    name, value = values[-1]
    return [*values[:-1], (name, value[:-1] + bytes([value[-1] ^ 1]))]


def of_another_height(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    name, value = values[-1]
    return [*values[:-1], (name, value[:5] + bytes(8) + value[13:])]


def of_another_class(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    name, value = values[-1]
    return [*values[:-1], (name, b"\x07" + value[1:])]


def of_an_unknown_epoch(values: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    name, value = values[-1]
    return [*values[:-1], (name, b"\x01\x00\x00\x00\x63" + value[5:])]


FORGERIES = [
    without_first,
    without_last,
    without_any,
    twice,
    again_from_the_start,
    swapped_values,
    swapped_order,
    descending,
    renamed,
    copied,
    made_up,
    cut,
    emptied,
    flipped,
    of_another_height,
    of_another_class,
    of_an_unknown_epoch,
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_pages_that_are_not_the_state_are_refused(
    stored: tuple[PagingHost, SimulatedClient], forge: Forge
) -> None:
    host, client = stored
    host.pages = iter(in_pages(forge(sorted(host.state.items()))))
    assert refused(host) == "state_mismatch"
    host.pages = None
    host.start()
    assert client.account().total == 4


def test_an_old_value_is_refused(stored: tuple[PagingHost, SimulatedClient]) -> None:
    host, _ = stored
    old = dict(host.state)
    host.start()  # counts one start more, under the same name
    host.stop()
    name = next(name for name in old if host.state[name] != old[name])
    host.state[name] = old[name]
    assert refused(host) == "state_mismatch"


def test_a_removed_value_cannot_come_back(stored: tuple[PagingHost, SimulatedClient]) -> None:
    host, client = stored
    host.start()
    client.contact()
    refused_ones = [client.envelope(client.notarize(ordering="bft")) for _ in range(4)]
    host.block(*refused_ones)
    ended = dict(host.state)
    host.time_ms += 8 * 24 * 3600 * 1000  # the records of refused requests expire
    host.block()
    host.stop()
    gone = set(ended) - set(host.state)
    assert len(gone) == 4
    host.state[gone.pop()] = ended[next(name for name in ended if name not in host.state)]
    assert refused(host) == "state_mismatch"
    assert client.server_key


def test_endless_pages_of_what_is_known_are_refused(
    stored: tuple[PagingHost, SimulatedClient],
) -> None:
    host, _ = stored
    host.pages = itertools.repeat(tuple(sorted(host.state.items())))
    assert refused(host) == "state_mismatch"


def test_endless_pages_of_what_is_made_up_are_refused(
    stored: tuple[PagingHost, SimulatedClient],
) -> None:
    host, _ = stored
    host.pages = (((number.to_bytes(32, "big"), bytes(100)),) for number in itertools.count(1))
    assert refused(host) == "state_mismatch"


@pytest.mark.parametrize("slot", [None, b"", bytes(16), bytes(200)])
def test_a_wrong_key_of_the_names_is_refused(
    stored: tuple[PagingHost, SimulatedClient], slot: bytes | None
) -> None:
    host, _ = stored
    host.slot = slot
    assert refused(host) == "state_mismatch"


def test_another_value_as_key_of_the_names_is_refused(
    stored: tuple[PagingHost, SimulatedClient],
) -> None:
    host, _ = stored
    host.slot = next(value for name, value in host.state.items() if name != NAMES_SLOT)
    assert refused(host) == "state_mismatch"


def test_a_host_that_refuses_to_answer_gets_no_service(
    stored: tuple[PagingHost, SimulatedClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _ = stored

    def gone(_after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
        raise UnavailableError("enclave_down", "the host does not answer")

    monkeypatch.setattr(host, "state_scan", gone)
    host.provision()
    with pytest.raises(Refused) as problem:
        host.load()
    assert problem.value.kind == "UnavailableError"
    assert host.ask(boundary.Status(), boundary.StatusAnswer).lifecycle == "halted"


# --- old heads ------------------------------------------------------------------------------------


def test_an_old_head_with_the_new_state_is_refused(own: HostSimulator) -> None:
    client = contacted(own)
    old = own.head
    own.block(client.envelope(client.notarize()))
    own.stop()
    own.head = old
    assert refused(own) == "state_mismatch"


def test_a_new_head_with_the_old_state_is_refused(own: HostSimulator) -> None:
    client = contacted(own)
    old = dict(own.state)
    own.block(client.envelope(client.notarize()))
    own.stop()
    own.state = old
    assert refused(own) == "state_mismatch"


def facts(host: HostSimulator) -> tuple[CheckpointFacts, bytes]:
    """What the last checkpoint says, signed by the node's own attested key."""
    checkpoint = Checkpoint.decode(host.blocks[-1].checkpoint)
    checkpoint.verify(host.evidence().recorder.attested.signing_key)
    return checkpoint.facts, checkpoint.root


def test_a_whole_rollback_starts_and_signs_the_evidence_of_its_fork(own: HostSimulator) -> None:
    """One host can roll back all of its store; then two signed checkpoints tell two stories."""
    client = contacted(own)
    own.block(client.envelope(client.notarize()))
    rolled_back = own.fork()
    own.block(client.envelope(client.notarize()))
    told, told_root = facts(own)
    told_bytes = own.blocks[-1].checkpoint

    rolled_back.start()  # accepted by design: `single-host`
    client.host = rolled_back
    again, again_root = facts(rolled_back)

    assert told.chain_id == again.chain_id == own.genesis.chain_id()
    assert (told.height, told.size) == (again.height, again.size)
    assert told_root != again_root
    assert told.block_hash != again.block_hash
    assert told.ordering == again.ordering == "single-host"
    # Both stand on the same block, so it is a fork and not another chain.
    heads = [BlockHeader.decode(host.blocks[-1].header) for host in (own, rolled_back)]
    assert heads[0].previous == heads[1].previous
    evidence = RollbackError("fork", "two stories", told_bytes, rolled_back.blocks[-1].checkpoint)
    assert Checkpoint.decode(evidence.held).facts == told
    assert Checkpoint.decode(evidence.shown).facts == again


def test_executions_on_two_forks_share_no_key(own: HostSimulator) -> None:
    client = contacted(own)
    own.block()
    fork = own.fork()
    fork.start()
    request = client.notarize()
    envelope = client.envelope(request)
    own.block()  # as high as the fork's start
    sealed = []
    for host in (own, fork):
        result = host.block(envelope)
        assert client.open(result, 0, request).code == ""
        sealed.append(result.entries[0].public)
    assert sealed[0] != sealed[1]
    one, two = (BlockHeader.decode(host.blocks[-1].header) for host in (own, fork))
    assert one.height == two.height
    assert one.exec_id(0, 0) != two.exec_id(0, 0)
