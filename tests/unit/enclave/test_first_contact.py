"""First contact: who gets a server key and tickets, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, hpke_seal
from adyton.core.encoding import encode
from adyton.core.errors import VerificationError
from adyton.protocol import boundary
from adyton.protocol.envelope import (
    Invite,
    SealedKeyRequest,
    SignedKeyAnswer,
    SignedKeyRequest,
    epoch_bytes,
)
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, configuration

OPERATOR = SigningKey(b"operator".ljust(32))


def ask(host: HostSimulator, sealed: bytes) -> bytes:
    message = boundary.FirstContact(sealed, host.time_ms)
    return host.ask(message, boundary.FirstContactAnswer).sealed


def refused(host: HostSimulator, sealed: bytes) -> str:
    """The code with which the enclave refuses."""
    with pytest.raises(Refused) as problem:
        ask(host, sealed)
    return problem.value.code


def seal(host: HostSimulator, signed: SignedKeyRequest, **changes: object) -> bytes:
    """A sealed key request; `changes` replace its outer fields after sealing."""
    intake = host.evidence().epoch.record.intake_key
    made = SealedKeyRequest.seal(signed, intake, host.genesis.chain_id(), 0)
    return replace(made, **changes).encode()  # type: ignore[arg-type]  # fields by name


def test_repeated_contacts_give_one_key_and_fresh_tickets(
    host: HostSimulator, client: SimulatedClient
) -> None:
    answers = [client.contact() for _ in range(3)]
    assert len({answer.server_key for answer in answers}) == 1
    tickets = [ticket for answer in answers for ticket in answer.tickets]
    assert len(set(tickets)) == len(tickets) == 3 * limits.TICKETS_PER_KEY
    # Tickets of every answer work.
    for answer in answers:
        request = client.notarize()
        envelope = client.seal(client.sign(request), ticket=answer.tickets[0])
        assert client.open(host.block(envelope), 0, request).code == ""


def test_the_same_bytes_again_are_answered_alike_but_for_tickets(
    host: HostSimulator, client: SimulatedClient
) -> None:
    signed, reply = client.key_request()
    sealed = seal(host, signed)
    keys: set[bytes] = set()
    tickets: set[bytes] = set()
    for _ in range(2):
        opened = reply.open(
            ask(host, sealed), Context.HPKE_KEY_ANSWER, client.chain_id, signed.digest()
        )
        recorder = host.evidence().recorder.attested.signing_key
        answer = SignedKeyAnswer.decode(opened).verify(recorder)
        assert (answer.request_digest, answer.epoch) == (signed.digest(), 0)
        keys.add(answer.server_key)
        tickets.update(answer.tickets)
    assert len(keys) == 1
    assert len(tickets) == 2 * limits.TICKETS_PER_KEY


def test_every_client_has_a_key_of_its_own(host: HostSimulator) -> None:
    keys = [contacted(host).server_key for _ in range(3)]
    intake = host.evidence().epoch.record.intake_key
    assert len({*keys, intake}) == 4


def test_contact_leaves_no_trace(host: HostSimulator) -> None:
    before, height = dict(host.state), host.height
    contacted(host)
    assert (host.state, host.height) == (before, height)


def test_only_the_reply_key_opens_the_answer(host: HostSimulator, client: SimulatedClient) -> None:
    signed, reply = client.key_request()
    stranger = client.key_request()[1]
    answer = ask(host, seal(host, signed))
    with pytest.raises(VerificationError):
        stranger.open(answer, Context.HPKE_KEY_ANSWER, client.chain_id, signed.digest())
    other = client.key_request()[0]
    with pytest.raises(VerificationError):
        reply.open(answer, Context.HPKE_KEY_ANSWER, client.chain_id, other.digest())


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [b"", b"\xff", encode(["sealed-key-request/1"])])
def test_bytes_that_are_no_key_request_are_refused(host: HostSimulator, garbage: bytes) -> None:
    assert refused(host, garbage) == "malformed"


def test_another_chain_is_refused_outside_and_inside(
    host: HostSimulator, client: SimulatedClient
) -> None:
    assert refused(host, seal(host, client.key_request()[0], chain_id=bytes(32))) == "wrong_chain"
    inside = client.key_request(chain_id=bytes(32))[0]
    assert refused(host, seal(host, inside)) == "wrong_chain"


def test_another_epoch_is_refused(host: HostSimulator, client: SimulatedClient) -> None:
    signed = client.key_request()[0]
    assert refused(host, seal(host, signed, epoch=1)) == "wrong_epoch"
    intake = host.evidence().epoch.record.intake_key
    sealed = SealedKeyRequest.seal(signed, intake, client.chain_id, 7)
    assert refused(host, replace(sealed, epoch=0).encode()) == "unopenable"


def test_a_request_sealed_to_another_key_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    sealed = SealedKeyRequest.seal(
        client.key_request()[0], client.server_key, client.chain_id, 0
    ).encode()
    assert refused(host, sealed) == "unopenable"


@pytest.mark.parametrize("part", ["signature", "body"])
def test_a_wrong_signature_is_refused(
    host: HostSimulator, client: SimulatedClient, other: SimulatedClient, part: str
) -> None:
    one, two = client.key_request()[0], client.key_request()[0]
    mixed = SignedKeyRequest(one.body, two.signature)
    if part == "body":
        # Signed by another client than the one it names.
        mixed = SignedKeyRequest(one.body, other.key.sign(Context.SIGN_KEY_REQUEST, one.body))
    assert refused(host, seal(host, mixed)) == "bad_signature"


def test_an_inside_that_is_no_key_request_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    intake = host.evidence().epoch.record.intake_key
    info = (client.chain_id, epoch_bytes(0))
    for inside in (b"", b"\xff", client.notarize().encode()):
        sealed = hpke_seal(intake, inside, Context.HPKE_KEY_REQUEST, *info)
        assert refused(host, SealedKeyRequest(client.chain_id, 0, sealed).encode()) == "malformed"


def test_a_reply_key_of_low_order_is_refused(host: HostSimulator, client: SimulatedClient) -> None:
    signed = client.key_request(reply_key=bytes(32))[0]
    assert refused(host, seal(host, signed)) == "unopenable"
    contacted(host)  # the enclave goes on


def test_flipped_bits_are_refused(host: HostSimulator, client: SimulatedClient) -> None:
    sealed = seal(host, client.key_request()[0])
    for place in [*range(80), *range(80, len(sealed), 17)]:
        flipped = bytearray(sealed)
        flipped[place] ^= 1
        assert refused(host, bytes(flipped)), place


# --- admission by invitation ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    """A chain that admits invited clients only."""
    directory: Path = tmp_path_factory.mktemp("closed")
    config = replace(configuration(), admission="invite", invite_key=OPERATOR.public)
    host = HostSimulator(directory, config, sandbox=False)
    host.start()
    yield host
    host.stop()


@pytest.fixture
def guest(closed: HostSimulator) -> SimulatedClient:
    return SimulatedClient(closed, b"invited")


def invite(guest: SimulatedClient, **changes: object) -> Invite:
    """An invitation of `guest`; `changes` replace what is signed."""
    fields: dict[str, object] = {
        "chain_id": guest.chain_id,
        "client_key": guest.key.public,
        "not_after_ms": guest.host.time_ms + 1,
        "key": OPERATOR,
    }
    return Invite.sign(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name


def test_an_invited_client_is_admitted(closed: HostSimulator, guest: SimulatedClient) -> None:
    guest.contact(invite=invite(guest))
    request = guest.notarize()
    assert guest.open(closed.block(guest.envelope(request)), 0, request).code == ""


@pytest.mark.parametrize(
    "fault", ["missing", "another client's", "expired", "another key", "another chain", "altered"]
)
def test_whoever_is_not_invited_is_refused(
    closed: HostSimulator, guest: SimulatedClient, fault: str
) -> None:
    good = invite(guest)
    shown = {
        "missing": None,
        "another client's": invite(guest, client_key=bytes(32)),
        "expired": invite(guest, not_after_ms=closed.time_ms),
        "another key": invite(guest, key=SigningKey(bytes(32))),
        "another chain": invite(guest, chain_id=bytes(32)),
        "altered": replace(good, not_after_ms=good.not_after_ms + 1),
    }[fault]
    with pytest.raises(Refused) as problem:
        guest.contact(invite=shown)
    assert (problem.value.kind, problem.value.code) == ("PolicyError", "not_admitted")
