"""Persistence: a stop and a start keep everything, and only the newest that fits is taken up."""

from __future__ import annotations

import pytest

from adyton.core.crypto import SigningKey
from adyton.enclave.dispatcher import Dispatcher
from adyton.protocol import boundary
from adyton.protocol.envelope import task_hash
from adyton.protocol.ledger import BlockHeader, Checkpoint
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused, public


def test_a_restart_keeps_chain_clients_and_records(own: HostSimulator) -> None:
    client, other = contacted(own), contacted(own)
    request = client.notarize()
    signed, ticket = client.sign(request), client.tickets.pop()
    envelope = client.seal(signed, ticket=ticket)
    first = own.block(envelope)
    before, chain_id, intake = client.account(), own.genesis.chain_id(), own.evidence()
    values = dict(own.state)

    own.restart()

    assert own.genesis.chain_id() == chain_id
    now = own.evidence()
    assert now.epoch.record == intake.epoch.record
    # The node's own keys are new.
    assert now.recorder.attested.signing_key != intake.recorder.attested.signing_key
    assert now.runner.attested.signing_key != intake.runner.attested.signing_key
    assert set(values) <= set(own.state)
    # Server key and tickets go on.
    server_key = client.server_key
    assert client.account() == before
    assert client.contact().server_key == server_key
    assert other.open(own.block(other.envelope(asked := other.notarize())), 0, asked).code == ""
    # So does what is known of repetitions and of spent tickets.
    assert public(own.block(envelope).entries[0]).kind == "void"
    answer = client.open(own.block(client.seal(signed)), 0, request)
    assert (answer.code, answer.original) == ("replayed", task_hash(envelope))
    again = client.notarize()
    spent = own.block(client.seal(client.sign(again), ticket=ticket))
    assert client.open(spent, 0, again).code == "ticket_spent"
    # The response was stored, and opens as before.
    assert client.open(first, 0, request).code == ""


def test_blocks_and_log_go_on_where_they_were(own: HostSimulator) -> None:
    client = contacted(own)
    for _ in range(5):
        own.block(client.envelope(client.notarize()), client.envelope(client.notarize()))
    last = BlockHeader.decode(own.blocks[-1].header)
    size = Checkpoint.decode(own.blocks[-1].checkpoint).facts.size
    own.restart()
    header = BlockHeader.decode(own.blocks[-1].header)
    assert (header.height, header.previous) == (last.height + 1, last.hash())
    assert Checkpoint.decode(own.blocks[-1].checkpoint).facts.size == size + 1
    assert own.genesis.chain_id() == BlockHeader.decode(own.blocks[0].header).previous


def test_pages_of_the_account_stay_what_they_were(own: HostSimulator) -> None:
    client = contacted(own)
    for _ in range(3):
        own.block(*[client.envelope(client.notarize()) for _ in range(6)])
    before = client.account()
    assert (before.total, len(before.items)) == (18, 18)
    own.restart()
    assert client.account() == before
    assert client.account(start=7).items == before.items[7:]


def test_an_account_is_its_client_s_alone(host: HostSimulator) -> None:
    one, two = contacted(host), contacted(host)
    mine = [one.notarize() for _ in range(3)]
    result = host.block(*map(one.envelope, mine), two.envelope(two.notarize()))
    page = one.account()
    assert {item.request_id for item in page.items} == {request.request_id for request in mine}
    assert {item.task_hash for item in page.items} == {
        entry.index_hash for entry in result.entries[:3]
    }
    assert {(item.app, item.method, item.height) for item in page.items} == {
        ("notary", "notarize", host.height)
    }
    assert two.account().total == 1
    assert one.account(start=3).items == ()
    assert contacted(host).account().total == 0


def test_an_account_is_read_page_by_page(
    host: HostSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adyton.core.limits.INDEX_PAGE", 2)
    client = contacted(host)
    requests = [client.notarize() for _ in range(5)]
    for request in requests:
        host.block(client.envelope(request))
    pages = [client.account(start) for start in (0, 2, 4)]
    assert [len(page.items) for page in pages] == [2, 2, 1]
    ids = [item.request_id for page in pages for item in page.items]
    assert ids == [request.request_id for request in requests]


def test_the_start_before_the_last_is_still_a_member(own: HostSimulator) -> None:
    start = own.blocks[0].entries[0]
    own.restart()
    # Its announcement is known, and cannot be made again.
    result = own.block(public(start).body or b"")
    assert (public(result.entries[0]).kind, result.entries[0].code) == ("void", "replayed")


def test_time_does_not_decrease_over_a_restart(own: HostSimulator) -> None:
    own.stop()
    own.provision()
    own.load()
    start = own.serve()
    asked = boundary.ApplyBlock(own.height + 1, own.time_ms - 1, (start,), False)
    with pytest.raises(Refused) as refused:
        own.ask(asked, boundary.BlockResult)
    assert refused.value.code == "time_decreased"


def test_what_was_executed_and_not_stored_never_happened(own: HostSimulator) -> None:
    client = contacted(own)
    own.block(client.envelope(client.notarize()))
    lost = own.fork()
    request = client.notarize()
    envelope = client.envelope(request)
    own.execute(envelope)
    # A crash before the store had it: the host starts from what it had before.
    lost.start()
    client.host = lost
    assert client.account().total == 1
    assert client.open(lost.block(envelope), 0, request).code == ""


def test_the_values_of_an_unstored_block_are_read_from_memory(own: HostSimulator) -> None:
    client = contacted(own)
    request = client.notarize()
    signed = client.sign(request)
    before = dict(own.state)
    own.execute(client.seal(signed))
    own.state = before  # the store lags behind
    result = own.execute(client.seal(signed))
    assert client.open(result, 0, request).code == "replayed"


# --- sealed heads ---------------------------------------------------------------------------------


def load_refused(host: HostSimulator, head: bytes | None) -> str:
    """The code with which a head is refused; afterwards the enclave serves nobody."""
    host.head = head
    host.provision()
    with pytest.raises(Refused) as refused:
        host.load()
    assert host.ask(boundary.Status(), boundary.StatusAnswer).lifecycle == "halted"
    return refused.value.code


@pytest.mark.parametrize("place", [0, 16, 100, -1])
def test_an_altered_head_is_refused(own: HostSimulator, place: int) -> None:
    own.block()
    altered = bytearray(own.head or b"")
    altered[place] ^= 1
    assert load_refused(own, bytes(altered)) == "sealed_invalid"


@pytest.mark.parametrize("head", [b"", bytes(16), bytes(300)])
def test_a_head_of_nothing_is_refused(own: HostSimulator, head: bytes) -> None:
    assert load_refused(own, head) == "sealed_invalid"


def test_a_root_is_no_head(own: HostSimulator) -> None:
    assert load_refused(own, own.sealed_root) == "sealed_invalid"


def test_another_chain_s_head_is_refused(own: HostSimulator) -> None:
    other = HostSimulator(own.directory, sandbox=False)
    other.start()
    other.dispatcher = Dispatcher(other.platform(), other)
    own.state = other.state
    assert load_refused(own, other.head) == "sealed_invalid"


def test_a_head_of_another_measurement_is_refused(own: HostSimulator) -> None:
    other = HostSimulator(own.directory, sandbox=False)
    other.measurement = bytes(48)
    other.start()
    assert load_refused(own, other.head) == "sealed_invalid"


def test_a_node_key_is_drawn_at_each_start(own: HostSimulator) -> None:
    keys = {own.evidence().recorder.attested.signing_key}
    for _ in range(2):
        own.restart()
        keys.add(own.evidence().recorder.attested.signing_key)
    assert len(keys) == 3
    assert SigningKey(bytes(32)).public not in keys
