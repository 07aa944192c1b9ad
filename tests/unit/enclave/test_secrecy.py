"""What the host sees: nothing of what is sealed, in no encoding, and nothing that links two tasks of one client."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from adyton.core.schema import Message
from adyton.enclave.sealing import Sealer
from adyton.protocol import boundary, notary
from adyton.protocol.boundary import Failure, UntrustedMessage
from adyton.protocol.ledger import BlockHeader
from adyton.protocol.task import Content, Input, SignedFinish, seal_blob
from tests import task_kit
from tests.host_fixtures import contacted, running
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, public
from tests.task_kit import inline, python

_M = TypeVar("_M", bound=Message)


class WatchingHost(HostSimulator):
    """A host that keeps every byte that the enclave lets out."""

    def __init__(self, directory: Path, *, sandbox: bool) -> None:
        super().__init__(directory, sandbox=sandbox)
        self.seen: list[bytes] = []

    def ask_raw(self, message: bytes, reply: type[_M]) -> _M:
        try:
            answer = super().ask_raw(message, reply)
        except Refused as problem:
            self.seen.append(repr(problem.args).encode())
            raise
        self.seen.append(answer.encode())
        return answer

    def state_get(self, name: bytes) -> bytes | None:
        self.seen.append(name)
        return super().state_get(name)

    def put_blob(self, blob_id: bytes, ciphertext: bytes) -> None:
        self.seen.append(blob_id + ciphertext)
        super().put_blob(blob_id, ciphertext)

    def submit(self, transaction: bytes) -> None:
        self.seen.append(transaction)
        super().submit(transaction)


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchingHost]:
    yield from running(WatchingHost(tmp_path_factory.mktemp("watching"), sandbox=True))


def forms(secret: bytes) -> set[bytes]:
    """The secret as it is, and as hexadecimal and base64 would show it wherever it begins."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode(), secret[::-1]}
    for lead in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The characters at either edge depend on what stands beside the secret.
            found.add(encode(bytes(lead) + secret).rstrip(b"=")[-(-4 * lead // 3) : -1][1:])
    return found


def assert_unseen(seen: list[bytes], secrets: dict[str, bytes]) -> None:
    """No secret occurs, in any form, in anything that was seen."""
    everything = b"\x00|\x00".join(seen)
    for name, secret in secrets.items():
        assert len(secret) >= 12
        for form in forms(secret):
            assert form not in everything, name


def test_the_search_finds_what_is_there() -> None:
    secret = b"a secret of some length"
    for shown in (secret, secret.hex().encode(), base64.b64encode(b"x" + secret + b"yz")):
        with pytest.raises(AssertionError):
            assert_unseen([b"before" + shown + b"after"], {"it": secret})


def test_nothing_of_a_task_comes_out_in_the_clear(watching: WatchingHost) -> None:
    client = contacted(watching)
    secrets = {
        "code": b"CODE-marker-5b1d",
        "argument": b"ARGUMENT-marker-5b1d",
        "stdin": b"STDIN-marker-5b1d",
        "input": b"INPUT-marker-5b1d",
        "input name": b"INPUT-NAME-marker-5b1d",
        "blob": b"BLOB-marker-5b1d",
        "task name": b"NAME-marker-5b1d",
        "output name": b"OUTPUT-NAME-marker-5b1d",
    }
    ref, ciphertext = seal_blob(secrets["blob"], client.fresh())
    watching.blobs[ref.id] = ciphertext
    code = (
        f"# {secrets['code'].decode()}\nimport sys\n"
        "print('STD' + 'OUT-result-5b1d', sys.argv, sys.stdin.read(), open('blob').read())\n"
        "sys.stderr.write('STD' + 'ERR-result-5b1d')\n"
        f"open('out/{secrets['output name'].decode()}', 'w').write('OUT' + 'PUT-result-5b1d' * 9)\n"
        "sys.exit(77)"
    )
    given = python(
        code,
        name=secrets["task name"].decode(),
        arguments=(secrets["argument"].decode(),),
        stdin=inline(secrets["stdin"]),
        inputs=(
            Input(secrets["input name"].decode(), inline(secrets["input"])),
            Input("blob", Content(None, ref)),
        ),
    )
    accepted = task_kit.submit(client, given)
    ended = task_kit.end(client, accepted)
    page = client.account()
    assert (ended.result.exit_code, len(ended.result.outputs), page.total) == (77, 1, 1)
    assert b"STDOUT-result-5b1d" in ended.result.stdout
    request = accepted.request
    secrets |= {
        "stdout": b"STDOUT-result-5b1d",
        "stderr": b"STDERR-result-5b1d",
        "output": b"OUTPUT-result-5b1d",
        "result key": request.result_key,
        "response key": request.response_key,
        "request id": request.request_id,
        "client key": client.key.public,
        "server key": client.server_key,
        "blob key": ref.key,
        "ticket": accepted.response.ticket or b"",
    }
    stored = [part for item in watching.state.items() for part in item]
    sent = [accepted.envelope, *watching.blobs.values()]
    assert_unseen([*watching.seen, *stored, *sent], secrets)


def test_nothing_of_the_chain_s_secrets_comes_out(watching: WatchingHost) -> None:
    root = Sealer(watching.platform().sealing_secret()).open_root(watching.sealed_root or b"")
    watching.block(contacted(watching).envelope(contacted(watching).notarize()))
    secrets = {"root": root.root, "node": root.node_secret, "epoch": root.epochs[0].secret}
    secrets["sealing"] = watching.platform().sealing_secret()
    stored = [part for item in watching.state.items() for part in item]
    assert_unseen([*watching.seen, *stored], secrets)


def test_refusals_carry_nothing_of_what_was_refused(watching: WatchingHost) -> None:
    client = contacted(watching)
    marker = b"REFUSED-marker-9e77"
    begun = len(watching.seen)
    text = marker.decode()
    for request in (
        client.request("notary", "notarize", marker),
        client.request(text, "notarize", b""),
        client.request("notary", text, b""),
        client.request("tasks", "submit", python(text, file_name=f"{text}/x").encode()),
        client.request("notary", "notarize", b"", ordering="bft"),
    ):
        result = watching.block(client.envelope(request))
        assert client.open(result, 0, request).code
    for unverified in (marker, boundary.Drain.WIRE_NAME.encode() + marker):
        watching.block(unverified)
        for message in (
            boundary.FirstContact(unverified, watching.time_ms),
            boundary.Read(unverified, watching.time_ms),
            boundary.ShowEvidence(marker[:5]),
        ):
            with pytest.raises(Refused):
                watching.ask(message, boundary.Done)
        with pytest.raises(Refused):
            watching.ask_raw(unverified, boundary.Done)
    read = client.request("account", text, b"")
    client.read(read)
    assert_unseen(watching.seen[begun:], {"marker": marker})


def test_a_failure_has_a_text_of_ours_and_no_more(watching: WatchingHost) -> None:
    guest = b"x" * 40

    def failure(message: UntrustedMessage) -> Failure:
        answer = watching.dispatcher.dispatch(message.encode())
        assert isinstance(answer, Failure)
        return answer

    for message in (
        boundary.FirstContact(guest, 1),
        boundary.Read(guest, 1),
        boundary.LoadState(guest),
        boundary.ApplyBlock(2**40, 1, (guest,), False),
    ):
        told = failure(message)
        assert told.text
        assert "xxx" not in told.text


# --- two clients, and two tasks of one ------------------------------------------------------------


def windows(parts: list[bytes], size: int = 16) -> set[bytes]:
    """Every run of so many bytes in the parts."""
    return {part[at : at + size] for part in parts for at in range(len(part) - size + 1)}


def traces(host: HostSimulator, client: SimulatedClient, seed: bytes) -> list[bytes]:
    """All ciphertext and names that a notary request and a task leave, with every chosen value from `seed`."""
    chosen: dict[str, object] = {
        "response_key": seed,
        "result_key": seed,
        "not_before_ms": host.genesis.created_ms,
        "expiry_ms": host.genesis.created_ms + 3_000_000,
    }
    digest = notary.Notarize(seed).encode()
    before = dict(host.state)
    left: list[bytes] = []
    for number, (app, method, arguments) in enumerate(
        [("notary", "notarize", digest), ("tasks", "submit", python("print(1)").encode())]
    ):
        request = client.request(app, method, arguments, request_id=bytes([number]) * 32, **chosen)
        envelope = client.envelope(request)
        result = host.block(envelope)
        entry = result.entries[0]
        part = public(entry)
        assert client.open(result, 0, request).code == ""
        left += [envelope[100:], part.task_hash or b"", part.sealed or b"", entry.leaf]
        left += [part.claims or b"", entry.writes]
    after_tasks = dict(host.state)
    for name, value in after_tasks.items():
        if name not in before:
            left += [name, value[17:]]
    exec_id = BlockHeader.decode(host.blocks[-1].header).exec_id(0, 0)
    transaction = task_kit.finish_of(host, exec_id)
    finish = SignedFinish.decode(transaction).finish
    left += [finish.result or b"", finish.run_info, finish.claims, finish.private, finish.exec_id]
    host.block(transaction)
    left += [
        part
        for name in set(host.state) - set(after_tasks)
        for part in (name, host.state[name][17:])
    ]
    return left


def test_equal_requests_of_two_clients_never_meet(own: HostSimulator) -> None:
    seed = bytes(range(32))
    one, two = (traces(own, contacted(own), seed) for _ in range(2))
    assert len(one) == len(two) > 20
    assert not windows(one) & windows(two)


def test_equal_requests_of_one_client_on_two_chains_never_meet(
    own: HostSimulator, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = HostSimulator(tmp_path / "other", sandbox=False)
    other.start()
    left = []
    for host in (own, other):
        client = SimulatedClient(host, b"the same seed")
        client.contact()
        left.append(traces(host, client, bytes(32)))
    other.stop()
    assert not windows(left[0]) & windows(left[1])


def test_two_tasks_of_one_client_share_nothing(own: HostSimulator) -> None:
    client = contacted(own)
    left: list[set[bytes]] = []
    for _ in range(2):
        accepted = task_kit.submit(client, python("print(1)"))
        ended = task_kit.end(client, accepted)
        finish = ended.finish
        parts = [accepted.envelope[50:], accepted.task_hash, finish.exec_id, finish.claims]
        parts += [finish.result or b"", finish.run_info, finish.private]
        left.append(windows(parts))
    assert not left[0] & left[1]


def test_lengths_tell_a_class_and_no_more(own: HostSimulator) -> None:
    client = contacted(own)
    sizes: dict[str, set[int]] = {"envelope": set(), "response": set()}
    for length in (1, 5, 30):
        request = client.request("notary", "notarize", b"x" * length)
        envelope = client.envelope(request)
        sizes["envelope"].add(len(envelope))
        sizes["response"].add(len(public(own.block(envelope).entries[0]).sealed or b""))
    assert {name: len(found) for name, found in sizes.items()} == {"envelope": 1, "response": 1}
