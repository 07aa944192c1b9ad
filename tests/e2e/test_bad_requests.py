"""What a stranger, or a client gone wrong, may send to a real server: a clear code, and no harm."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session, notarize
from adyton.client.transport import CBOR, TIMEOUT_S, Reply
from adyton.core.encoding import decode, encode
from adyton.protocol.envelope import Envelope
from tests.e2e.command import Server

PROBLEM = "application/problem+json"


class Recorder(HttpTransport):
    """Keeps the envelopes that an honest session sends."""

    envelopes: list[bytes]
    keeping = True

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str = CBOR,
        max_bytes: int,
        timeout_s: float = TIMEOUT_S,
    ) -> Reply:
        if self.keeping and target.startswith("/task"):
            self.envelopes.append(decode(body or b"", max_bytes=2**20)["envelope"])
        return super().exchange(
            method,
            target,
            body,
            content_type=content_type,
            max_bytes=max_bytes,
            timeout_s=timeout_s,
        )

    def post(self, envelope: bytes) -> Reply:
        body = encode({"envelope": envelope})
        return super().exchange("POST", "/task", body, max_bytes=2**20)


@pytest.fixture(scope="module")
def recorder(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    made = Recorder(server.url)
    made.envelopes = []
    home = tmp_path_factory.mktemp("home") / "keys"
    with Session(Keystore(home), made, AppraisalPolicy(allow_simulated=True)) as session:
        session.trust(bytes.fromhex(server.fingerprint))
        for content in (b"one", b"two"):
            notarize(session, content)
        made.keeping = False
        yield made


@pytest.fixture(autouse=True)
def unharmed(server: Server, recorder: Recorder) -> Iterator[None]:
    """After each test the same enclave serves."""
    before = server.children()
    yield
    assert server.children() == before
    assert recorder.exchange("GET", "/health", max_bytes=4096).status == 200


def _code(reply: Reply) -> str:
    assert 400 <= reply.status < 500, reply.status
    assert reply.content_type == PROBLEM
    return str(json.loads(reply.body)["code"])


def test_identical_bytes_give_the_stored_answer(recorder: Recorder) -> None:
    first, again = (recorder.post(recorder.envelopes[0]) for _ in range(2))
    assert first.status == again.status == 200
    assert first.body == again.body


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda e: replace(e, chain_id=bytes(32)), "wrong_chain"),
        (lambda e: replace(e, epoch=7), "wrong_epoch"),
        (lambda e: replace(e, ticket=bytes(64)), "ticket_invalid"),
        (lambda e: replace(e, sealed=e.sealed[:-1]), "unopenable"),
        (lambda e: replace(e, sealed=bytes(len(e.sealed))), "unopenable"),
        (lambda e: replace(e, sealed=b""), "unopenable"),
        (lambda e: replace(e, purpose="read"), "bad_argument"),
    ],
)
def test_an_altered_envelope_has_its_code(recorder: Recorder, change: object, code: str) -> None:
    assert callable(change)
    envelope = change(Envelope.decode(recorder.envelopes[0]))
    assert _code(recorder.post(envelope.encode())) == code


def test_a_ticket_of_another_envelope_does_not_open_this_one(recorder: Recorder) -> None:
    one, two = (Envelope.decode(envelope) for envelope in recorder.envelopes[:2])
    assert _code(recorder.post(replace(one, ticket=two.ticket).encode())) == "unopenable"


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00", b"\xff" * 100, b"\xa0", encode({"envelope": 1}), encode([1, 2])],
    ids=["nothing", "zero", "ones", "empty map", "no bytes", "a list"],
)
def test_garbage_is_malformed(recorder: Recorder, body: bytes) -> None:
    assert _code(recorder.exchange("POST", "/task", body, max_bytes=4096)) == "malformed"
    assert _code(recorder.post(body)) == "malformed"


def test_a_flood_of_empty_values_costs_nothing(recorder: Recorder) -> None:
    bomb = b"\x9a" + (300_000).to_bytes(4, "big") + b"\x80" * 300_000
    assert _code(recorder.post(bomb)) in ("too_large", "malformed")


def test_flipped_bits_never_get_through(recorder: Recorder) -> None:
    """Or they leave the envelope what it was: there is no such bit."""
    chooser = random.Random(20261120)
    envelope = recorder.envelopes[1]
    for _ in range(60):
        flipped = bytearray(envelope)
        flipped[chooser.randrange(len(envelope))] ^= 1 << chooser.randrange(8)
        assert _code(recorder.post(bytes(flipped)))


def test_what_is_too_large_is_refused(recorder: Recorder) -> None:
    envelope = Envelope.decode(recorder.envelopes[0])
    large = replace(envelope, sealed=bytes(400 * 1024))
    assert _code(recorder.post(large.encode())) in ("too_large", "malformed")


def test_the_servers_log_is_quiet_about_it(server: Server, recorder: Recorder) -> None:
    _code(recorder.post(b"\xff\x00secret"))
    assert "Traceback" not in Path(server.log).read_text()
