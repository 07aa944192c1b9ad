"""Envelopes, responses and read answers: nothing opens under another key, chain, epoch or ticket."""

from dataclasses import replace
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, SigningKey, digest
from adyton.core.errors import MalformedError, PolicyError, VerificationError
from adyton.protocol.envelope import (
    Envelope,
    ReadAnswer,
    Request,
    Response,
    SealedReadAnswer,
    SignedRequest,
    envelope_info,
    open_padded,
    task_hash,
)
from adyton.protocol.padding import pad
from adyton.protocol.words import ORDERING_LEVELS, require_ordering

CLIENT = SigningKey(b"client".ljust(32, b"."))
OTHER = SigningKey(b"other".ljust(32, b"."))
SERVER = HpkeKey(b"server".ljust(32, b"."))
CHAIN = bytes(32)
TICKET = b"t" * 64
REQUEST = Request(
    CLIENT.public,
    b"i" * 32,
    1000,
    2000,
    CHAIN,
    0,
    "notary",
    "notarize",
    b"arguments",
    b"r" * 32,
    b"s" * 32,
    "single-host",
)
SIGNED = SignedRequest.sign(REQUEST, CLIENT)


def seal(purpose: str = "request", signed: SignedRequest = SIGNED) -> Envelope:
    return Envelope.seal(
        signed, server_key=SERVER.public, chain_id=CHAIN, epoch=2, ticket=TICKET, purpose=purpose
    )


def opened(envelope: Envelope, purpose: str = "request") -> SignedRequest:
    context = Context.HPKE_REQUEST if purpose == "request" else Context.HPKE_READ
    info = envelope_info(envelope.chain_id, envelope.epoch, envelope.ticket)
    return open_padded(SERVER.open(envelope.sealed, context, *info))


def test_an_envelope_opens_under_its_server_key() -> None:
    for purpose in ("request", "read"):
        envelope = Envelope.decode(seal(purpose).encode())
        assert opened(envelope, purpose) == SIGNED
        assert SIGNED.verify(CLIENT.public) == REQUEST


@pytest.mark.parametrize(
    "change", [{"chain_id": b"\x01" * 32}, {"epoch": 3}, {"ticket": b"u" * 64}]
)
def test_what_is_outside_of_the_ciphertext_cannot_be_exchanged(change: dict[str, Any]) -> None:
    moved = replace(seal(), **change)
    with pytest.raises(VerificationError):
        opened(moved)


def test_a_read_cannot_be_made_a_request_nor_the_reverse() -> None:
    with pytest.raises(VerificationError):
        opened(replace(seal("read"), purpose="request"), "request")
    with pytest.raises(VerificationError):
        opened(replace(seal("request"), purpose="read"), "read")
    with pytest.raises(MalformedError):
        Envelope.decode(replace(seal(), purpose="other").encode())


def test_another_server_key_does_not_open_it() -> None:
    envelope = seal()
    info = envelope_info(envelope.chain_id, envelope.epoch, envelope.ticket)
    with pytest.raises(VerificationError):
        HpkeKey(b"another".ljust(32, b".")).open(envelope.sealed, Context.HPKE_REQUEST, *info)


def test_the_size_shows_the_class_only() -> None:
    sizes = {
        len(seal(signed=SignedRequest.sign(replace(REQUEST, arguments=bytes(n)), CLIENT)).encode())
        for n in range(100)
    }
    assert len(sizes) == 1


def test_an_envelope_that_holds_no_padded_signed_request_is_refused() -> None:
    for wrong in (
        b"",
        SIGNED.encode(),
        pad(SIGNED.encode(), least=256) + b"\x00",
        pad(b"", least=512),
        pad(REQUEST.encode(), least=512),
        pad(SIGNED.encode() + b"\x00", least=512),
    ):
        with pytest.raises(MalformedError):
            open_padded(wrong)


def test_a_request_of_another_client_is_refused() -> None:
    with pytest.raises(VerificationError):
        SIGNED.verify(OTHER.public)
    with pytest.raises(VerificationError):
        SignedRequest.sign(REQUEST, OTHER).verify(CLIENT.public)
    with pytest.raises(VerificationError):
        SignedRequest(replace(REQUEST, expiry_ms=9999).encode(), SIGNED.signature).verify(
            CLIENT.public
        )


def test_a_signed_body_that_is_no_request_is_refused() -> None:
    body = b"\x80"
    signed = SignedRequest(body, CLIENT.sign(Context.SIGN_REQUEST, body))
    with pytest.raises(MalformedError):
        signed.verify(CLIENT.public)


def test_a_signature_made_for_something_else_is_refused() -> None:
    body = REQUEST.encode()
    for context in Context:
        if context is Context.SIGN_REQUEST:
            continue
        with pytest.raises(VerificationError):
            SignedRequest(body, CLIENT.sign(context, body)).verify(CLIENT.public)


def test_digests_name_the_whole_signed_request_and_the_whole_envelope() -> None:
    assert SIGNED.digest() == digest(Context.SIGNED_REQUEST, SIGNED.body, SIGNED.signature)
    assert SIGNED.digest() != replace(SIGNED, signature=bytes(64)).digest()
    envelope = seal().encode()
    assert task_hash(envelope) == digest(Context.TASK_HASH, envelope)
    assert task_hash(envelope) != task_hash(seal().encode())  # sealed anew: another name


EXEC_ID = b"e" * 32
KEY = b"k" * 32
RESPONSE = Response("", b"result", TICKET, None)


def test_a_response_opens_for_its_key_and_execution_alone() -> None:
    sealed = RESPONSE.seal(KEY, EXEC_ID)
    assert Response.open(sealed, KEY, EXEC_ID) == RESPONSE
    for key, exec_id in ((b"l" * 32, EXEC_ID), (KEY, b"f" * 32), (EXEC_ID, KEY)):
        with pytest.raises(VerificationError):
            Response.open(sealed, key, exec_id)
    for at in range(len(sealed)):
        with pytest.raises(VerificationError):
            Response.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], KEY, EXEC_ID)


def test_a_response_is_deterministic_and_differs_by_execution() -> None:
    assert RESPONSE.seal(KEY, EXEC_ID) == RESPONSE.seal(KEY, EXEC_ID)
    assert RESPONSE.seal(KEY, EXEC_ID) != RESPONSE.seal(KEY, b"f" * 32)


def test_success_and_refusal_look_alike() -> None:
    refusal = Response("request_id_reused", b"", None, b"o" * 32)
    assert len(RESPONSE.seal(KEY, EXEC_ID)) == len(refusal.seal(KEY, EXEC_ID))


READ = ReadAnswer("", b"items", None, b"checkpoint", 5)


def test_a_read_answer_opens_for_its_key_and_salt_alone() -> None:
    sealed = SealedReadAnswer.seal(READ, KEY, EXEC_ID)
    assert SealedReadAnswer.decode(sealed.encode()).open(KEY) == READ
    with pytest.raises(VerificationError):
        sealed.open(b"l" * 32)
    with pytest.raises(VerificationError):
        replace(sealed, salt=b"f" * 32).open(KEY)
    with pytest.raises(VerificationError):
        replace(sealed, sealed=sealed.sealed[:-1]).open(KEY)
    assert sealed.sealed != SealedReadAnswer.seal(READ, KEY, b"f" * 32).sealed


def test_a_response_is_not_a_read_answer() -> None:
    as_read = SealedReadAnswer(EXEC_ID, RESPONSE.seal(KEY, EXEC_ID))
    with pytest.raises(VerificationError):
        as_read.open(KEY)
    with pytest.raises(VerificationError):
        Response.open(SealedReadAnswer.seal(READ, KEY, EXEC_ID).sealed, KEY, EXEC_ID)


def test_the_largest_request_fits_into_an_envelope() -> None:
    largest = replace(REQUEST, arguments=bytes(limits.ARGUMENTS_BYTES))
    envelope = seal(signed=SignedRequest.sign(largest, CLIENT))
    assert opened(Envelope.decode(envelope.encode())).verify(CLIENT.public) == largest


@pytest.mark.parametrize("offered", ORDERING_LEVELS)
@pytest.mark.parametrize("least", ORDERING_LEVELS)
def test_an_ordering_weaker_than_asked_for_is_refused(offered: str, least: str) -> None:
    if ORDERING_LEVELS.index(offered) >= ORDERING_LEVELS.index(least):
        require_ordering(offered, least)
        return
    with pytest.raises(PolicyError) as refused:
        require_ordering(offered, least)
    assert refused.value.code == "ordering_unavailable"
