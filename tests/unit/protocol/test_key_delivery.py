"""First contact: invitation, signed key request, sealed request, signed answer, epoch record."""

from dataclasses import replace
from typing import Any

import pytest

from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, SigningKey
from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.envelope import (
    Invite,
    KeyAnswer,
    KeyRequest,
    SealedKeyRequest,
    SignedKeyAnswer,
    SignedKeyRequest,
    epoch_bytes,
)
from adyton.protocol.evidence import Attested, EpochRecord, SignedEpochRecord

CLIENT = SigningKey(b"client".ljust(32, b"."))
NODE = SigningKey(b"node".ljust(32, b"."))
INVITER = SigningKey(b"inviter".ljust(32, b"."))
INTAKE = HpkeKey(b"intake".ljust(32, b"."))
CHAIN = b"c" * 32
REQUEST = KeyRequest(CLIENT.public, b"x" * 32, b"n" * 32, b"d" * 32, CHAIN, None)
ANSWER = KeyAnswer(b"s" * 32, 1, (b"t" * 64, b"u" * 64), b"q" * 32)


def test_an_invitation_is_for_one_client_of_one_chain_until_one_time() -> None:
    invite = Invite.sign(CHAIN, CLIENT.public, 5000, INVITER)
    invite.verify(INVITER.public)
    for wrong in (
        replace(invite, chain_id=bytes(32)),
        replace(invite, client_key=NODE.public),
        replace(invite, not_after_ms=5001),
        replace(invite, signature=bytes(64)),
    ):
        with pytest.raises(VerificationError):
            wrong.verify(INVITER.public)
    with pytest.raises(VerificationError):
        invite.verify(CLIENT.public)


def test_a_key_request_is_signed_by_the_key_it_names() -> None:
    signed = SignedKeyRequest.sign(REQUEST, CLIENT)
    assert SignedKeyRequest.decode(signed.encode()).verify() == REQUEST
    for wrong in (
        SignedKeyRequest.sign(REQUEST, NODE),
        replace(signed, body=replace(REQUEST, nonce=bytes(32)).encode()),
        replace(signed, body=replace(REQUEST, client_key=NODE.public).encode()),
        replace(signed, signature=bytes(64)),
    ):
        with pytest.raises(VerificationError):
            wrong.verify()
    with pytest.raises(MalformedError):
        replace(signed, body=b"\x80").verify()


def test_a_key_request_names_what_it_answers_to() -> None:
    signed = SignedKeyRequest.sign(REQUEST, CLIENT)
    other = SignedKeyRequest.sign(replace(REQUEST, reply_key=bytes(32)), CLIENT)
    assert signed.digest() != other.digest()
    assert signed.digest() != replace(signed, signature=bytes(64)).digest()


def test_a_sealed_key_request_opens_for_its_chain_epoch_and_intake_key() -> None:
    signed = SignedKeyRequest.sign(REQUEST, CLIENT)
    sealed = SealedKeyRequest.seal(signed, INTAKE.public, CHAIN, 1)
    info = (CHAIN, epoch_bytes(1))
    assert INTAKE.open(sealed.sealed, Context.HPKE_KEY_REQUEST, *info) == signed.encode()
    for key, context, parts in (
        (HpkeKey(b"other".ljust(32, b".")), Context.HPKE_KEY_REQUEST, info),
        (INTAKE, Context.HPKE_REQUEST, info),
        (INTAKE, Context.HPKE_KEY_ANSWER, info),
        (INTAKE, Context.HPKE_KEY_REQUEST, (bytes(32), epoch_bytes(1))),
        (INTAKE, Context.HPKE_KEY_REQUEST, (CHAIN, epoch_bytes(2))),
        (INTAKE, Context.HPKE_KEY_REQUEST, (CHAIN,)),
    ):
        with pytest.raises(VerificationError):
            key.open(sealed.sealed, context, *parts)


def test_an_answer_is_signed_by_the_attested_recorder_key() -> None:
    signed = SignedKeyAnswer.sign(ANSWER, NODE)
    assert SignedKeyAnswer.decode(signed.encode()).verify(NODE.public) == ANSWER
    for wrong in (
        replace(signed, body=replace(ANSWER, server_key=bytes(32)).encode()),
        replace(signed, body=replace(ANSWER, request_digest=bytes(32)).encode()),
        replace(signed, body=replace(ANSWER, tickets=()).encode()),
        SignedKeyAnswer.sign(ANSWER, CLIENT),
    ):
        with pytest.raises(VerificationError):
            wrong.verify(NODE.public)
    body = b"\x80"
    with pytest.raises(MalformedError):
        SignedKeyAnswer(body, NODE.sign(Context.SIGN_KEY_ANSWER, body)).verify(NODE.public)


def test_too_many_tickets_or_one_of_a_wrong_size_are_refused() -> None:
    for tickets in ((b"t" * 64,) * 33, (b"t" * 63,), (b"t" * 65,)):
        with pytest.raises(MalformedError):
            KeyAnswer.decode(replace(ANSWER, tickets=tickets).encode())


def test_an_epoch_record_is_signed_by_the_recorder() -> None:
    record = EpochRecord(CHAIN, 0, 0, INTAKE.public, 0, None)
    signed = SignedEpochRecord.sign(record, NODE)
    assert SignedEpochRecord.decode(signed.encode()).verify(NODE.public) == record
    changes: list[dict[str, Any]] = [
        {"epoch": 1},
        {"intake_key": NODE.public},
        {"chain_id": bytes(32)},
    ]
    for change in changes:
        changed = replace(record, **change)
        with pytest.raises(VerificationError):
            replace(signed, record=changed).verify(NODE.public)
    with pytest.raises(VerificationError):
        signed.verify(CLIENT.public)


def test_report_data_binds_kind_keys_chain_configuration_and_nonce() -> None:
    attested = Attested(
        "simulated", "recorder", NODE.public, b"h" * 32, CHAIN, b"f" * 32, 0, "namespaces"
    )
    data = attested.report_data(b"nonce")
    assert len(data) == 64
    changes: list[dict[str, Any]] = [
        {"role": "runner"},
        {"signing_key": CLIENT.public},
        {"hpke_key": None},
        {"chain_id": bytes(32)},
        {"config_digest": bytes(32)},
        {"incarnation": 1},
        {"sandbox": "none"},
    ]
    others = {replace(attested, **change).report_data(b"nonce") for change in changes}
    assert len({data, *others, attested.report_data(b"other")}) == len(changes) + 2


def test_no_signature_of_one_kind_is_one_of_another() -> None:
    kinds = {
        context: NODE.sign(context, ANSWER.encode())
        for context in Context
        if context.name.startswith("SIGN_")
    }
    for context, signature in kinds.items():
        signed = SignedKeyAnswer(ANSWER.encode(), signature)
        if context is Context.SIGN_KEY_ANSWER:
            assert signed.verify(NODE.public) == ANSWER
            continue
        with pytest.raises(VerificationError):
            signed.verify(NODE.public)
