"""A host that forges the ends of tasks, or the starts of nodes, or gives wrong blobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.crypto import SigningKey
from adyton.protocol import boundary
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.task import Content, Finish, Input, SignedFinish, seal_blob
from tests import task_kit
from tests.host_fixtures import contacted, running
from tests.host_simulator import HostSimulator, SimulatedClient, public
from tests.task_kit import python

STRANGER = SigningKey(b"stranger".ljust(32))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    yield from running(HostSimulator(tmp_path_factory.mktemp("node"), sandbox=False))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[HostSimulator]:
    yield from running(HostSimulator(tmp_path, sandbox=False))


def void(host: HostSimulator, transaction: bytes, code: str) -> None:
    """The transaction is recorded as void, and changes nothing."""
    before = dict(host.state)
    entry = host.block(transaction).entries[0]
    part = public(entry)
    assert (part.kind, entry.code) == ("void", code)
    assert (part.task_hash, part.body, part.claims) == (None, None, None)
    assert entry.index_hash is None
    assert host.state == before


def pending(host: HostSimulator) -> int:
    return host.ask(boundary.Status(), boundary.StatusAnswer).pending


def forged(signed: SignedFinish, key: SigningKey, **changes: object) -> bytes:
    """The finish with other fields, signed by `key` in the name of `key`."""
    finish: Finish = replace(signed.finish, **{"runner_key": key.public, **changes})  # type: ignore[arg-type]  # by name
    return SignedFinish.sign(finish, key).encode()


def node_key(host: HostSimulator, role: str) -> SigningKey:
    """A private key of the node: what an enclave that went astray could sign with."""
    node = host.dispatcher.chain._node
    assert node is not None
    return node.recorder if role == "recorder" else node.runner


@pytest.fixture
def ended(node: HostSimulator) -> Iterator[tuple[SimulatedClient, task_kit.Accepted, SignedFinish]]:
    """A task whose end is handed in and not yet ordered; whatever the test forged, it can be afterwards."""
    client = contacted(node)
    accepted = task_kit.submit(client, python(""))
    signed = SignedFinish.decode(task_kit.finish_of(node, accepted.exec_id))
    yield client, accepted, signed
    task_kit.end(client, accepted)
    assert pending(node) == 0


Ended = tuple[SimulatedClient, task_kit.Accepted, SignedFinish]


def test_a_finish_by_a_key_that_was_not_announced_is_void(
    node: HostSimulator, ended: Ended
) -> None:
    void(node, forged(ended[2], STRANGER), "bad_signature")


def test_a_finish_by_a_recorder_s_key_is_void(node: HostSimulator, ended: Ended) -> None:
    void(node, forged(ended[2], node_key(node, "recorder")), "bad_signature")


def test_a_finish_under_another_key_s_signature_is_void(node: HostSimulator, ended: Ended) -> None:
    signed = SignedFinish.sign(ended[2].finish, STRANGER)
    void(node, signed.encode(), "bad_signature")


@pytest.mark.parametrize(
    "field",
    ["chain_id", "task_hash", "exec_id", "attempt", "epoch", "result", "result_blob",
     "result_size", "run_info", "claims", "private"],
)  # fmt: skip
def test_a_finish_whose_fields_were_altered_is_void(
    node: HostSimulator, ended: Ended, field: str
) -> None:
    finish = ended[2].finish
    held: Any = getattr(finish, field)
    other: Any = held + 1 if isinstance(held, int) else bytes(len(held or bytes(32)))
    altered = SignedFinish(replace(finish, **{field: other}), ended[2].signature)
    void(node, altered.encode(), "bad_signature")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": bytes(32)}, "wrong_chain"),
        ({"epoch": 9}, "wrong_epoch"),
        ({"exec_id": bytes(32)}, "unopenable"),  # the private part is bound to it
        ({"private": bytes(40)}, "unopenable"),
        ({"task_hash": bytes(32)}, "replayed"),
    ],
)
def test_even_an_announced_runner_cannot_end_what_it_does_not_hold(
    node: HostSimulator, ended: Ended, changes: dict[str, object], code: str
) -> None:
    void(node, forged(ended[2], node_key(node, "runner"), **changes), code)


def test_a_finish_for_another_task_is_void(node: HostSimulator, ended: Ended) -> None:
    client = contacted(node)
    second = task_kit.submit(client, python(""))
    other = SignedFinish.decode(task_kit.finish_of(node, second.exec_id)).finish
    runner = node_key(node, "runner")
    # The result of one under the name of the other, in both halves of the name.
    void(node, forged(ended[2], runner, task_hash=other.task_hash), "replayed")
    void(node, forged(ended[2], runner, exec_id=other.exec_id), "unopenable")
    both = {"exec_id": other.exec_id, "task_hash": other.task_hash}
    void(node, forged(ended[2], runner, **both), "unopenable")
    task_kit.end(client, second)


def test_the_first_finish_wins(node: HostSimulator) -> None:
    client = contacted(node)
    accepted = task_kit.submit(client, python(""))
    signed = SignedFinish.decode(task_kit.finish_of(node, accepted.exec_id))
    later = forged(signed, node_key(node, "runner"), attempt=2)
    result = node.block(signed.encode(), later, signed.encode())
    assert [public(entry).kind for entry in result.entries] == ["finish", "void", "void"]
    assert [entry.code for entry in result.entries] == ["", "replayed", "replayed"]
    void(node, signed.encode(), "replayed")
    usage = client.account().items[0].usage
    assert usage is not None


@pytest.mark.parametrize("cut", [1, 70])
def test_a_finish_of_another_form_is_void_or_dropped(
    node: HostSimulator, ended: Ended, cut: int
) -> None:
    encoded = ended[2].encode()
    void(node, encoded[:-cut], "malformed")
    void(node, encoded + b"\x00", "malformed")


def test_a_finish_of_another_chain_is_void(own: HostSimulator, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = HostSimulator(tmp_path / "other", sandbox=False)
    other.start()
    client = contacted(other)
    accepted = task_kit.submit(client, python(""))
    void(own, task_kit.finish_of(other, accepted.exec_id), "wrong_chain")
    other.stop()


# --- starts ---------------------------------------------------------------------------------------


def start_of(host: HostSimulator) -> NodeEvidence:
    """The entry with which the host's last start was announced."""
    starts = [public(entry) for block in host.blocks for entry in block.entries]
    return NodeEvidence.decode(next(part.body or b"" for part in starts if part.kind == "start"))


def test_a_replayed_start_is_void(own: HostSimulator) -> None:
    void(own, start_of(own).encode(), "replayed")
    # Fresh evidence over the same keys announces nothing new either.
    void(own, own.evidence(bytes(16)).encode(), "replayed")


def test_a_start_of_another_chain_is_void(own: HostSimulator) -> None:
    other = HostSimulator(own.directory, sandbox=False)
    other.start()
    void(own, start_of(other).encode(), "wrong_chain")
    mixed = replace(start_of(other), genesis=own.genesis.encode())
    void(own, mixed.encode(), "evidence_binding")


def waiting(own: HostSimulator) -> tuple[HostSimulator, bytes]:
    """The node after a restart, and its start entry, which is not yet ordered."""
    own.stop()
    own.provision()
    own.load()
    return own, own.serve()


def test_a_start_with_stale_evidence_is_void(own: HostSimulator) -> None:
    host, start = waiting(own)
    host.time_ms += limits.EVIDENCE_AGE_S * 1000 + 1000
    void(host, start, "evidence_stale")


def test_a_start_under_another_root_is_void(own: HostSimulator, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = HostSimulator(tmp_path / "other", sandbox=False)
    other.start()
    host, start = waiting(own)
    theirs = start_of(other)
    decoded = NodeEvidence.decode(start)
    for role in ("recorder", "runner"):
        held = getattr(decoded, role)
        shown = getattr(theirs, role)
        # The other device's endorsement, over this node's evidence; then all of its evidence.
        endorsed = replace(held, endorsements=shown.endorsements)
        for bundle in (endorsed, replace(shown, attested=held.attested)):
            swapped = replace(decoded, **{role: bundle})
            entry = host.block(swapped.encode()).entries[0]
            assert public(entry).kind == "void"
            assert entry.code.startswith("evidence_"), entry.code
    assert host.block(start).entries[0].code == ""


Change = Callable[[NodeEvidence], NodeEvidence]


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, recorder=e.runner),
        lambda e: replace(e, runner=e.recorder),
        lambda e: replace(e, recorder=e.runner, runner=e.recorder),
        lambda e: replace(
            e,
            runner=replace(
                e.runner, attested=replace(e.runner.attested, signing_key=STRANGER.public)
            ),
        ),
        lambda e: replace(e, runner=replace(e.runner, nonce=bytes(32))),
        lambda e: replace(e, epoch=replace(e.epoch, signature=bytes(64))),
        lambda e: replace(e, epoch=type(e.epoch).sign(e.epoch.record, STRANGER)),
        lambda e: replace(
            e, epoch=replace(e.epoch, record=replace(e.epoch.record, intake_key=bytes(32)))
        ),
        lambda e: replace(
            e, recorder=replace(e.recorder, attested=replace(e.recorder.attested, incarnation=1))
        ),
    ],
)
def test_a_start_that_does_not_hold_together_is_void(own: HostSimulator, change: Change) -> None:
    host, start = waiting(own)
    void(host, change(NodeEvidence.decode(start)).encode(), "evidence_binding")
    assert public(host.block(start).entries[0]).kind == "start"


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"intake_key": bytes(32)}, "evidence_binding"), ({"epoch": 1}, "wrong_epoch")],
)
def test_an_epoch_record_that_is_not_the_chain_s_is_void(
    own: HostSimulator, changes: dict[str, object], code: str
) -> None:
    host, start = waiting(own)
    decoded = NodeEvidence.decode(start)
    record = replace(decoded.epoch.record, **changes)  # type: ignore[arg-type]  # fields by name
    signed = type(decoded.epoch).sign(record, node_key(host, "recorder"))
    void(host, replace(decoded, epoch=signed).encode(), code)


def test_nothing_runs_before_its_start_is_announced(own: HostSimulator) -> None:
    """Else a host could run a task again and again under one number, and announce the result it likes."""
    client = contacted(own)
    task_kit.submit(client, python(""), commit_=False)
    host, start = waiting(own)
    host.block()  # the host orders something else instead
    assert not host.submitted_event.wait(0.3)
    assert pending(host) == 1
    host.block(start)
    assert host.submitted_event.wait(60)
    finish = SignedFinish.decode(host.submitted[0]).finish
    assert finish.attempt == 2


# --- blobs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def confined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    yield from running(HostSimulator(tmp_path_factory.mktemp("confined")))


@pytest.mark.parametrize(
    "lie", ["missing", "empty", "shorter", "flipped", "another", "longer", "of zeros"]
)
@pytest.mark.parametrize("place", ["code", "stdin", "input"])
def test_a_wrong_blob_fails_the_task_and_runs_nothing(
    confined: HostSimulator, lie: str, place: str
) -> None:
    client = contacted(confined)
    ref, ciphertext = seal_blob(b"print('secret')", client.fresh())
    _, another = seal_blob(b"print('another')", ref.key)
    told = {
        "empty": b"",
        "shorter": ciphertext[:-1],
        "flipped": ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]),
        "another": another,
        "longer": ciphertext + b"\x00",
        "of zeros": bytes(len(ciphertext)),
    }
    if lie in told:
        confined.blobs[ref.id] = told[lie]
    content = Content(None, ref)
    given = {
        "code": python("", code=content),
        "stdin": python("print('ran')", stdin=content),
        "input": python("print('ran')", inputs=(Input("data", content),)),
    }[place]
    ended = task_kit.run(client, given)
    if lie == "longer":
        # The enclave takes as many bytes as were signed for: there is nothing else to be wrong.
        assert ended.result.state == "done"
        return
    assert (ended.result.state, ended.result.code) == ("failed", "input_unavailable")
    assert (ended.result.stdout, ended.info.wall_us) == (b"", 0)


def test_a_blob_of_another_content_under_the_same_key_is_refused(confined: HostSimulator) -> None:
    client = contacted(confined)
    key = client.fresh()
    ref, _ = seal_blob(b"print(1)", key)
    other, ciphertext = seal_blob(b"print(2)", key)
    assert other.size == ref.size
    confined.blobs[ref.id] = ciphertext
    ended = task_kit.run(client, python("", code=Content(None, ref)))
    assert ended.result.code == "input_unavailable"
