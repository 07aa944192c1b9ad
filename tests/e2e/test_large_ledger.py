"""A ledger that the bench made without clients: a real server opens it, and a real client believes it."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.client import HttpTransport
from adyton.client.server_api import ServerApi
from adyton.core.errors import UsageError, VerificationError
from adyton.protocol import notary
from adyton.protocol.ledger import EntryProof
from bench import large, server
from bench.summary import BenchError

ENTRIES, VALUES = 20_000, 2_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("large") / "data"
    assert large.build(made, ENTRIES, VALUES).entries == ENTRIES
    return made


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[server.Server]:
    with server.running(data) as running:
        yield running


def test_the_server_goes_on_where_the_builder_stopped(running: server.Server) -> None:
    api = ServerApi(HttpTransport(running.url))
    # One more entry, that of this start.
    assert api.health()["size"] == ENTRIES + large.START
    api.transport.close()


def test_entries_from_all_over_the_log_verify(running: server.Server, tmp_path: Path) -> None:
    leaves = [1, 2, 511, 512, 513, 16_383, 16_384, 16_385, ENTRIES - 1]
    leaves += random.Random(7).sample(range(3, ENTRIES - 1), 20)
    codes = set()
    with server.session(running.url, running.fingerprint, tmp_path / "keys") as session:
        api = ServerApi(HttpTransport(running.url))
        for leaf in leaves:
            answer = api.get_entry(large.name_of(leaf), wait_s=0, view=0)
            (proof,) = answer.proofs
            entry = session.keeper.accept_entry(proof)
            assert entry.part.task_hash == answer.task_hash == large.name_of(leaf)
            facts = EntryProof.decode(proof).facts()
            assert facts.first + EntryProof.decode(proof).index == leaf
            codes.add(entry.part.code)
        assert codes == {"", "ticket_spent"}
        altered = bytearray(api.get_entry(large.name_of(1), wait_s=0, view=0).proofs[0])
        altered[-40] ^= 1
        with pytest.raises(VerificationError):
            session.keeper.accept_entry(bytes(altered))
        with pytest.raises(UsageError, match="no task"):
            api.get_entry(large.name_of(ENTRIES), wait_s=0, view=0)
        api.transport.close()


def test_the_chain_takes_new_requests(running: server.Server, tmp_path: Path) -> None:
    with server.session(running.url, running.fingerprint, tmp_path / "keys") as session:
        arguments = notary.Notarize(bytes(32)).encode()
        accepted = session.request(notary.APP, notary.NOTARIZE, arguments)
        assert accepted.entry.proof.facts().first >= ENTRIES


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    for entries, values in ((100, 200), (100, large.OWN_VALUES)):
        with pytest.raises(BenchError, match="do not leave"):
            large.build(tmp_path / "none", entries, values)
    assert not (tmp_path / "none").exists()


def test_a_builder_whose_requests_are_not_admitted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "_WINDOW_MS", 2 * 3600 * 1000)
    with pytest.raises(BenchError, match="void"):
        large.build(tmp_path / "data", 100, 20)
