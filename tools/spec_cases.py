"""The vectors of encoding, key delivery, envelopes, the channel and HTTP."""

import base64
import json
from dataclasses import replace
from typing import Any

from adyton.channel.framing import REPLY, REQUEST, Frame, pack
from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.encoding import encode
from adyton.protocol.envelope import (
    ReadAnswer,
    Response,
    SealedReadAnswer,
    SignedKeyRequest,
    SignedRequest,
)
from adyton.protocol.notary import Notarize
from adyton.protocol.padding import pad
from tests.unit.attestation.forge import NOW_MS, RECORDER
from tools.spec_case import Case, flip
from tools.spec_world import (
    CHAIN_ID,
    CLIENT,
    KEYS,
    REPLY_SECRET,
    RESPONSE_KEY,
    STRANGER,
    World,
)

OTHER_ENCODINGS = {
    "an integer in two bytes that fits one": "1801",
    "a text with a long length": "780161",
    "an array of indefinite length": "9f01ff",
    "a byte string of indefinite length": "5f4161ff",
    "a key twice": "a201010102",
    "keys not in order": "a202010101",
    "a byte after the end": "0101",
    "a float": "f93c00",
    "undefined": "f7",
    "an integer of 65 bits": "1b8000000000000000",
    "a byte string as a key": "a1416101",
    "text that is not UTF-8": "61ff",
    "a big number": "c24101",
    "a regular expression": "d8236161",
    "a shared reference": "d81c81d81d00",
    "a date": "c101",
    "a tag where none is allowed": "d280",
    "an array deeper than allowed": "81" * 40 + "01",
    "a length without its bytes": "5b7fffffffffffffff",
    "no bytes": "",
}


def encoding_cases(world: World) -> list[Case]:
    """Return the vectors of `encoding.md`."""
    notarize = Notarize(bytes(range(32))).encode()
    value = {
        1: [0, 23, 24, -1, 2**63 - 1],
        "text": "ü",
        "null": None,
        "yes": True,
        "bytes": b"\x00",
    }
    cases = [
        Case("a message", "decode_message", {"message": "notarize/1", "bytes": notarize.hex()}),
        Case("a value of every type", "decode", {"bytes": encode(value).hex()}),
        Case("a tag where it is allowed", "decode", {"bytes": "d280", "tags": True}),
    ]
    cases += [
        Case(name, "decode", {"bytes": other}, "malformed")
        for name, other in OTHER_ENCODINGS.items()
    ]
    cases.append(
        Case("a tag with a meaning", "decode", {"bytes": "c101", "tags": True}, "malformed")
    )
    digest = bytes(range(32))
    for name, wrong in {
        "a message of another name": ["notarize/2", digest],
        "a message with a field too many": ["notarize/1", digest, None],
        "a message with a field too few": ["notarize/1"],
        "a field of a wrong size": ["notarize/1", digest[:31]],
        "a field of a wrong type": ["notarize/1", "x" * 32],
    }.items():
        given = {"message": "notarize/1", "bytes": encode(wrong).hex()}
        cases.append(Case(name, "decode_message", given, "malformed"))
    given = {"message": "notarize/1", "bytes": encode(["notarize/1", bytes(300)]).hex()}
    cases.append(Case("a message over its bound", "decode_message", given, "too_large"))
    return cases


def key_delivery_cases(world: World) -> list[Case]:
    """Return the vectors of `key-delivery.md`."""
    signed = world.key_request
    sealed = world.sealed_key_request("key request", signed)

    def ask(name: str, request: bytes, refused: str = "", step: int | None = None) -> Case:
        given = {"request": request.hex(), "now_ms": NOW_MS}
        return Case(name, "answer_key_request", given, refused, step)

    forged = SignedKeyRequest(signed.body, STRANGER.sign(Context.SIGN_KEY_REQUEST, signed.body))
    elsewhere = replace(signed.verify(), chain_id=bytes(32))
    cases = [
        ask("a first contact", sealed.encode()),
        ask("not a key request", b"\x80", "malformed", 1),
        ask("for another chain", replace(sealed, chain_id=bytes(32)).encode(), "wrong_chain", 1),
        ask("for another epoch", replace(sealed, epoch=1).encode(), "wrong_epoch", 1),
        ask("altered", replace(sealed, sealed=flip(sealed.sealed)).encode(), "unopenable", 2),
        ask(
            "signed by another key than it names",
            world.sealed_key_request("key request, forged", forged).encode(),
            "bad_signature",
            3,
        ),
        ask(
            "a request inside that is for another chain",
            world.sealed_key_request(
                "key request, elsewhere", SignedKeyRequest.sign(elsewhere, CLIENT)
            ).encode(),
            "wrong_chain",
            3,
        ),
    ]

    def answer(name: str, sealed_answer: bytes, refused: str = "", **changed: Any) -> Case:
        given = {
            "answer": sealed_answer.hex(),
            "reply_secret": REPLY_SECRET.hex(),
            "recorder_key": RECORDER.public.hex(),
            "chain_id": CHAIN_ID.hex(),
            "request_digest": signed.digest().hex(),
            "epoch": 0,
        }
        return Case(name, "open_key_answer", {**given, **changed}, refused)

    good = world.key_answer("key answer")
    cases += [
        answer("an answer", good),
        answer("an altered answer", flip(good), "unopenable"),
        answer("under another reply key", good, "unopenable", reply_secret="32" * 32),
        answer("for another chain", good, "unopenable", chain_id="00" * 32),
        answer("to another request", good, "unopenable", request_digest="00" * 32),
        answer(
            "signed by a stranger", world.key_answer("by a stranger", STRANGER), "bad_signature"
        ),
        answer("of another epoch", good, "answer_invalid", epoch=1),
        answer(
            "that names another request",
            world.key_answer("names another request", request_digest=bytes(32)),
            "answer_invalid",
        ),
    ]
    return cases


def envelope_cases(world: World) -> list[Case]:
    """Return the vectors of `envelope.md`."""
    good, request = world.accepted_envelope, world.request

    def opened(
        name: str,
        envelope: bytes,
        refused: str = "",
        step: int | None = None,
        purpose: str = "request",
        now_ms: int = NOW_MS,
    ) -> Case:
        given = {"envelope": envelope.hex(), "purpose": purpose, "now_ms": now_ms}
        return Case(name, "open_envelope", given, refused, step)

    signed = SignedRequest.sign(request, CLIENT)
    other_ticket = KEYS.issue_ticket(STRANGER.public, NOW_MS, bytes(12))
    week = limits.TICKET_LIFETIME_S * 1000
    kinds: list[tuple[str, Any, str, int]] = [
        ("not padded", signed.encode(), "malformed", 3),
        ("padded with more than is needed", pad(signed.encode(), least=4096), "malformed", 3),
        ("signed by another client", SignedRequest.sign(request, STRANGER), "bad_signature", 4),
        (
            "naming another client",
            SignedRequest.sign(replace(request, client_key=STRANGER.public), CLIENT),
            "bad_signature",
            4,
        ),
        (
            "a request inside that is for another chain",
            SignedRequest.sign(replace(request, chain_id=bytes(32)), CLIENT),
            "wrong_chain",
            5,
        ),
        (
            "a request of another incarnation",
            SignedRequest.sign(replace(request, incarnation=1), CLIENT),
            "wrong_incarnation",
            5,
        ),
    ]
    read = world.envelope("read", purpose="read")
    cases = [
        opened("a request", good.encode()),
        opened("a read", read.encode(), purpose="read"),
        opened("not an envelope", b"\x80", "malformed", 1),
        opened("a byte too many", good.encode() + b"\x00", "malformed", 1),
        opened("for another chain", replace(good, chain_id=bytes(32)).encode(), "wrong_chain", 1),
        opened("a read where a request is expected", read.encode(), "malformed", 1),
        opened(
            "a read whose purpose was changed",
            replace(read, purpose="request").encode(),
            "unopenable",
            3,
        ),
        opened("of an epoch that is not open", replace(good, epoch=1).encode(), "wrong_epoch", 2),
        opened(
            "an altered ticket",
            replace(good, ticket=flip(good.ticket)).encode(),
            "ticket_invalid",
            2,
        ),
        opened("after a week", good.encode(), "ticket_expired", 2, now_ms=NOW_MS + week),
        opened(
            "a ticket from the future",
            good.encode(),
            "ticket_invalid",
            2,
            now_ms=NOW_MS - 3 * week,
        ),
        opened(
            "an altered ciphertext",
            replace(good, sealed=flip(good.sealed)).encode(),
            "unopenable",
            3,
        ),
        opened(
            "under another client's ticket",
            replace(good, ticket=other_ticket).encode(),
            "unopenable",
            3,
        ),
    ]
    cases += [
        opened(name, world.envelope(name, plain).encode(), code, step)
        for name, plain, code, step in kinds
    ]
    part, exec_id = world.accepted.part(), world.accepted.exec_id()
    response = {
        "sealed": (part.sealed or b"").hex(),
        "response_key": RESPONSE_KEY.hex(),
        "exec_id": exec_id.hex(),
    }
    refusal = Response("method_unknown", b"", world.ticket, None).seal(RESPONSE_KEY, exec_id)
    cases += [
        Case("a response", "open_response", response),
        Case("a refusal, of the same size", "open_response", {**response, "sealed": refusal.hex()}),
        Case(
            "a response under another key",
            "open_response",
            {**response, "response_key": "00" * 32},
            "unopenable",
        ),
        Case(
            "a response of another execution",
            "open_response",
            {**response, "exec_id": "00" * 32},
            "unopenable",
        ),
    ]
    checkpoint = world.blocks[2].checkpoint.encode()
    answer = SealedReadAnswer.seal(
        ReadAnswer("", b"\x80", None, checkpoint, NOW_MS + 60_000), RESPONSE_KEY, b"\x36" * 32
    )
    given = {"answer": answer.encode().hex(), "response_key": RESPONSE_KEY.hex()}
    salted = replace(answer, salt=bytes(32)).encode().hex()
    return [
        *cases,
        Case("a read's answer", "open_read_answer", given),
        Case("with another salt", "open_read_answer", {**given, "answer": salted}, "unopenable"),
        Case(
            "under another key",
            "open_read_answer",
            {**given, "response_key": "00" * 32},
            "unopenable",
        ),
        Case("padding", "unpad", {"padded": pad(b"abc", least=16).hex(), "least": 16}),
        Case(
            "padding that is not zero",
            "unpad",
            {"padded": flip(pad(b"abc", least=16)).hex(), "least": 16},
            "malformed",
        ),
        Case(
            "a padding too short", "unpad", {"padded": "00000003616263", "least": 16}, "malformed"
        ),
    ]


def channel_cases(world: World) -> list[Case]:
    """Return the vectors of `channel.md`."""
    body = encode(["status/1"])

    def header(name: str, data: bytes, refused: str = "") -> Case:
        return Case(name, "read_frame_header", {"header": data[:13].hex()}, refused)

    over = limits.FRAME + 10
    return [
        header("a request", pack(Frame(REQUEST, 1, body))),
        header("its reply", pack(Frame(REPLY, 1, encode(["done/1"])))),
        header("the greatest id", pack(Frame(REQUEST, 2**64 - 1, body))),
        header(
            "a length over the bound",
            over.to_bytes(4, "big") + bytes([1]) + bytes(8),
            "channel_violation",
        ),
        header(
            "a length below the header's", bytes([0, 0, 0, 8, 1]) + bytes(8), "channel_violation"
        ),
        header("kind 0", bytes([0, 0, 0, 9, 0]) + bytes(8), "channel_violation"),
        header("kind 3", bytes([0, 0, 0, 9, 3]) + bytes(8), "channel_violation"),
    ]


ERRORS = [
    ("UsageError", "bad_argument"),
    ("UsageError", "not_found"),
    ("MalformedError", "malformed"),
    ("MalformedError", "too_large"),
    ("VerificationError", "wrong_chain"),
    ("PolicyError", "not_admitted"),
    ("PolicyError", "wrong_epoch"),
    ("RollbackError", "rollback"),
    ("GuestError", "sandbox_failed"),
    ("UnavailableError", "overloaded"),
    ("InvariantError", "invariant"),
]


def http_cases(world: World) -> list[Case]:
    """Return the vectors of `http.md`."""
    envelope = b"an envelope"
    in_json = json.dumps({"envelope": base64.b64encode(envelope).decode()}).encode()
    json_type, cbor_type = "application/json", "application/cbor"

    def body(name: str, data: bytes, kind: str, refused: str = "", most: int = 100) -> Case:
        given = {"body": data.hex(), "content_type": kind, "field": "envelope", "most": most}
        return Case(name, "read_body", given, refused)

    in_cbor = encode({"envelope": envelope})
    cases = [
        body("a JSON body", in_json, json_type),
        body("a JSON body with a parameter of its type", in_json, json_type + "; charset=utf-8"),
        body("a CBOR body", in_cbor, cbor_type),
        body("another type", in_json, "text/plain", "malformed"),
        body("a field over its bound", in_cbor, cbor_type, "too_large", most=5),
        body("another field", encode({"request": envelope}), cbor_type, "malformed"),
        body("a field too many", encode({"envelope": envelope, "x": 1}), cbor_type, "malformed"),
        body("text for bytes", encode({"envelope": "text"}), cbor_type, "malformed"),
        body("bytes after the end", in_cbor + b"\x00", cbor_type, "malformed"),
        body("a JSON key twice", b'{"envelope": "", "envelope": ""}', json_type, "malformed"),
        body("base64 without padding", b'{"envelope": "YQ"}', json_type, "malformed"),
        body("base64 with other padding bits", b'{"envelope": "YR=="}', json_type, "malformed"),
        body("a number for bytes", b'{"envelope": 1}', json_type, "malformed"),
        body("not JSON", b"{", json_type, "malformed"),
    ]
    cases += [
        Case(f"{cls} {code}", "problem", {"class": cls, "code": code}) for cls, code in ERRORS
    ]
    return cases
