"""Intake: what becomes of envelopes that are not what they should be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, hpke_seal
from adyton.core.encoding import encode
from adyton.core.errors import Error, InvariantError, PolicyError
from adyton.enclave.apps.base import Call, Outcome
from adyton.protocol import boundary, notary
from adyton.protocol.boundary import BlockResult
from adyton.protocol.envelope import Envelope, SignedRequest, envelope_info, task_hash
from adyton.protocol.padding import pad
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, public


def voided(host: HostSimulator, envelope: bytes, code: str) -> None:
    """The envelope is refused both ways, and nothing of it stays."""
    before = dict(host.state)
    result = host.block(envelope)
    part = public(result.entries[0])
    assert (part.kind, result.entries[0].code) == ("void", code)
    assert (part.task_hash, part.sealed, part.claims, part.body) == (None, None, None, None)
    assert result.entries[0].index_hash is None
    assert result.writes == ()
    assert host.state == before


def dropped_and_voided(host: HostSimulator, client: SimulatedClient, bad: bytes, code: str) -> None:
    """As `voided`; an engine that may drop it does, and the block goes on without it."""
    request = client.notarize()
    result = host.block(bad, client.envelope(request), drop=True)
    assert result.dropped == ((0, code),)
    assert [entry.transaction for entry in result.entries] == [1]
    assert client.open(result, 0, request).code == ""
    voided(host, bad, code)


def answered(client: SimulatedClient, result: BlockResult, request: object, code: str) -> None:
    """The only entry of the block answers the request, under seal and with a code."""
    part = public(result.entries[0])
    assert (part.kind, part.code) == ("request", code)
    assert client.open(result, 0, request).code == code  # type: ignore[arg-type]  # always a Request


def raw_envelope(client: SimulatedClient, padded: bytes, **changes: object) -> bytes:
    """An envelope whose inside is `padded`, correctly sealed; `changes` replace outer fields after sealing."""
    ticket = client.tickets.pop()
    info = envelope_info(client.chain_id, 0, ticket)
    sealed = hpke_seal(client.server_key, padded, Context.HPKE_REQUEST, *info)
    made = Envelope(client.chain_id, 0, "request", ticket, sealed)
    return replace(made, **changes).encode()  # type: ignore[arg-type]  # fields by name


# --- form -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage", [b"", b"\x00", b"\xff" * 40, encode(["envelope/1"]), encode("envelope/1"), b"\x85j"]
)
def test_bytes_that_are_no_transaction_are_refused(
    host: HostSimulator, client: SimulatedClient, garbage: bytes
) -> None:
    dropped_and_voided(host, client, garbage, "malformed")


def test_another_message_of_ours_is_no_transaction(
    host: HostSimulator, client: SimulatedClient
) -> None:
    dropped_and_voided(host, client, boundary.Drain().encode(), "malformed")


@pytest.mark.parametrize("cut", [1, 2, 40, 300])
def test_a_truncated_envelope_is_refused(
    host: HostSimulator, client: SimulatedClient, cut: int
) -> None:
    dropped_and_voided(host, client, client.envelope(client.notarize())[:-cut], "malformed")


def test_an_envelope_with_trailing_bytes_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    dropped_and_voided(host, client, client.envelope(client.notarize()) + b"\x00", "malformed")


def test_a_re_encoded_envelope_is_refused(host: HostSimulator, client: SimulatedClient) -> None:
    # The epoch 0, one byte long, in the two-byte form that decodes to the same value.
    envelope = client.envelope(client.notarize())
    chain_id = client.chain_id
    at = envelope.index(chain_id) + len(chain_id)
    assert envelope[at] == 0
    dropped_and_voided(host, client, envelope[:at] + b"\x18\x00" + envelope[at + 1 :], "malformed")


def test_an_oversized_envelope_is_refused(host: HostSimulator, client: SimulatedClient) -> None:
    made = Envelope(client.chain_id, 0, "request", client.tickets.pop(), bytes(limits.ENVELOPE))
    dropped_and_voided(host, client, made.encode(), "too_large")


def test_a_transaction_over_the_bound_never_reaches_the_machine(host: HostSimulator) -> None:
    with pytest.raises(Refused) as refused:
        host.execute(bytes(limits.ENTRY + 1))
    assert (refused.value.kind, refused.value.code) == ("MalformedError", "too_large")


def test_more_transactions_than_a_block_holds_are_refused(host: HostSimulator) -> None:
    with pytest.raises(Refused) as refused:
        host.execute(*[b""] * (limits.BLOCK_ENTRIES + 1))
    assert refused.value.code == "too_large"


# --- outside of the seal --------------------------------------------------------------------------


def test_an_envelope_for_another_chain_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    made = Envelope.decode(client.envelope(client.notarize()))
    dropped_and_voided(host, client, replace(made, chain_id=bytes(32)).encode(), "wrong_chain")


def test_an_envelope_of_another_epoch_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    made = Envelope.decode(client.envelope(client.notarize()))
    dropped_and_voided(host, client, replace(made, epoch=1).encode(), "wrong_epoch")


def test_a_read_sent_as_a_request_is_refused(host: HostSimulator, client: SimulatedClient) -> None:
    read = client.seal(client.sign(client.notarize()), purpose="read")
    dropped_and_voided(host, client, read, "malformed")
    renamed = replace(Envelope.decode(read), purpose="request").encode()
    dropped_and_voided(host, client, renamed, "unopenable")


def test_a_request_sent_as_a_read_is_refused(host: HostSimulator, client: SimulatedClient) -> None:
    envelope = client.envelope(client.notarize())
    renamed = replace(Envelope.decode(envelope), purpose="read").encode()
    for unverified, code in ((envelope, "malformed"), (renamed, "unopenable")):
        with pytest.raises(Refused) as refused:
            host.ask(boundary.Read(unverified, host.time_ms), boundary.Answer)
        assert refused.value.code == code


def test_every_altered_byte_of_an_envelope_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    request = client.notarize()
    envelope = client.envelope(request)
    places = {*range(120), *range(120, len(envelope), 53), len(envelope) - 1}
    for place in sorted(places):
        flipped = bytearray(envelope)
        flipped[place] ^= 0x01
        result = host.block(bytes(flipped))
        assert public(result.entries[0]).kind == "void", place
        assert result.writes == ()
    # None of them has spent the ticket or the request id.
    assert client.open(host.block(envelope), 0, request).code == ""


# --- inside of the seal ---------------------------------------------------------------------------


def test_an_inside_that_is_no_signed_request_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    dropped_and_voided(host, client, raw_envelope(client, b""), "malformed")
    dropped_and_voided(host, client, raw_envelope(client, pad(b"nothing", least=512)), "malformed")


@pytest.mark.parametrize("alteration", ["longer", "shorter", "content", "least"])
def test_altered_padding_is_refused(
    host: HostSimulator, client: SimulatedClient, alteration: str
) -> None:
    padded = pad(client.sign(client.notarize()).encode(), least=512)
    altered = {
        "longer": padded + b"\x00",
        "shorter": padded[:-1],
        "content": padded[:-1] + b"\x01",
        "least": pad(client.sign(client.notarize()).encode(), least=2048),
    }[alteration]
    dropped_and_voided(host, client, raw_envelope(client, altered), "malformed")


def test_a_wrong_signature_is_refused(host: HostSimulator, client: SimulatedClient) -> None:
    signed = client.sign(client.notarize())
    altered = bytes([signed.signature[0] ^ 1]) + signed.signature[1:]
    bad = client.seal(SignedRequest(signed.body, altered))
    dropped_and_voided(host, client, bad, "bad_signature")


def test_a_signature_over_another_request_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    one, two = client.sign(client.notarize()), client.sign(client.notarize())
    bad = client.seal(SignedRequest(one.body, two.signature))
    dropped_and_voided(host, client, bad, "bad_signature")


def test_a_request_signed_by_another_client_is_refused(
    host: HostSimulator, client: SimulatedClient, other: SimulatedClient
) -> None:
    # Neither under the thief's name nor under the owner's.
    bad = client.seal(other.sign(client.notarize()))
    dropped_and_voided(host, client, bad, "bad_signature")
    bad = client.seal(other.sign(other.notarize()))
    dropped_and_voided(host, client, bad, "bad_signature")


def test_a_request_that_names_another_client_is_refused(
    host: HostSimulator, client: SimulatedClient, other: SimulatedClient
) -> None:
    bad = client.seal(client.sign(client.notarize(client_key=other.key.public)))
    dropped_and_voided(host, client, bad, "bad_signature")


def test_a_request_under_a_key_that_made_no_contact_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    stranger = SigningKey(bytes(range(32)))
    signed = SignedRequest.sign(client.notarize(client_key=stranger.public), stranger)
    dropped_and_voided(host, client, client.seal(signed), "bad_signature")


def test_a_request_for_another_chain_is_refused_inside_too(
    host: HostSimulator, client: SimulatedClient
) -> None:
    bad = client.envelope(client.notarize(chain_id=bytes(32)))
    dropped_and_voided(host, client, bad, "wrong_chain")


def test_a_request_for_another_incarnation_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    dropped_and_voided(
        host, client, client.envelope(client.notarize(incarnation=1)), "wrong_incarnation"
    )


@pytest.mark.parametrize("kind", ["cbor", "other", "field"])
def test_a_signed_body_that_is_no_request_is_refused(
    host: HostSimulator, client: SimulatedClient, kind: str
) -> None:
    body = {
        "cbor": b"\xff",
        "other": notary.Notarize(bytes(32)).encode(),
        "field": replace(client.notarize(), app="x" * 33).encode(),
    }[kind]
    signed = SignedRequest(body, client.key.sign(Context.SIGN_REQUEST, body))
    code = "too_large" if kind == "field" else "malformed"
    dropped_and_voided(host, client, client.seal(signed), code)


# --- what is asked --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "method", "arguments", "code"),
    [
        ("nothing", "notarize", b"", "method_unknown"),
        ("account", "list", b"", "method_unknown"),  # a reader is no app
        ("notary", "unknown", b"", "method_unknown"),
        ("tasks", "unknown", b"", "method_unknown"),
        ("notary", "notarize", b"", "malformed"),
        ("notary", "notarize", encode(["notarize/1", bytes(31)]), "malformed"),
        ("notary", "notarize", encode(["notarize/1", bytes(32)]) + b"\x00", "malformed"),
        ("tasks", "submit", b"\x80", "malformed"),
    ],
)
def test_what_no_app_can_do_is_answered_under_seal(
    host: HostSimulator, client: SimulatedClient, app: str, method: str, arguments: bytes, code: str
) -> None:
    request = client.request(app, method, arguments)
    before = dict(host.state)
    result = host.block(client.envelope(request))
    answered(client, result, request, code)
    # The record by which a repetition is known, and nothing else.
    assert len(set(host.state) - set(before)) == 1
    assert client.account().total == 0


def test_an_ordering_above_the_chain_s_is_refused(
    host: HostSimulator, client: SimulatedClient
) -> None:
    for level in ("anchored", "bft"):
        request = client.notarize(ordering=level)
        before = len(host.state)
        answered(client, host.block(client.envelope(request)), request, "ordering_unavailable")
        assert len(host.state) == before + 1


class Regretful:
    """An app that writes, removes, and then refuses."""

    name = "notary"

    def __init__(self, problem: Error) -> None:
        self.problem = problem

    def execute(self, call: Call) -> Outcome:
        call.state.set("notary", b"written", b"and regretted")
        call.state.remove("intake", call.request.client_key + call.request.request_id)
        raise self.problem


def test_what_an_app_wrote_before_it_refused_is_undone(own: HostSimulator) -> None:
    client = contacted(own)
    machine = own.dispatcher.chain._machine
    assert machine is not None
    honest = machine._apps["notary"]
    machine._apps["notary"] = Regretful(PolicyError("overloaded", "not now"))
    request, task = client.notarize(), client.request("tasks", "submit", b"")
    before = set(own.state)
    envelope = client.envelope(request)
    result = own.block(envelope, client.envelope(task))
    assert client.open(result, 0, request).code == "overloaded"
    assert len(set(own.state) - before) == 2  # both requests are remembered, and nothing else
    assert own.dispatcher.chain.state.read("notary", b"written") is None
    machine._apps["notary"] = honest
    voided(own, envelope, "replayed")


def test_an_app_that_finds_an_impossible_state_halts_the_enclave(own: HostSimulator) -> None:
    client = contacted(own)
    machine = own.dispatcher.chain._machine
    assert machine is not None
    machine._apps["notary"] = Regretful(InvariantError("invariant", "cannot be"))
    with pytest.raises(Refused) as refused:
        own.execute(client.envelope(client.notarize()))
    assert (refused.value.kind, refused.value.code) == ("InvariantError", "invariant")
    assert own.ask(boundary.Status(), boundary.StatusAnswer).lifecycle == "halted"


def test_a_refused_request_has_its_one_effect_all_the_same(
    host: HostSimulator, client: SimulatedClient
) -> None:
    request = client.notarize(ordering="bft")
    envelope = client.envelope(request)
    first = host.block(envelope)
    assert client.open(first, 0, request).ticket is not None
    voided(host, envelope, "replayed")


def test_each_response_carries_a_ticket_that_works_once(
    host: HostSimulator, client: SimulatedClient
) -> None:
    tickets = []
    ticket: bytes | None = client.tickets.pop()
    for _ in range(3):
        request = client.notarize()
        result = host.block(client.seal(client.sign(request), ticket=ticket))
        ticket = client.open(result, 0, request).ticket
        assert ticket is not None
        tickets.append(ticket)
    assert len(set(tickets)) == 3
    again = client.notarize()
    spent = host.block(client.seal(client.sign(again), ticket=tickets[0]))
    answered(client, spent, again, "ticket_spent")
    assert client.open(spent, 0, again).ticket is None


def test_two_clients_in_one_block_get_their_own_answers(
    host: HostSimulator, client: SimulatedClient
) -> None:
    second = contacted(host)
    requests = [(who, who.notarize()) for who in (client, second, client)]
    envelopes = [who.envelope(request) for who, request in requests]
    result = host.block(*envelopes)
    for index, (who, request) in enumerate(requests):
        assert who.open(result, index, request).code == ""
        assert result.entries[index].index_hash == task_hash(envelopes[index])
