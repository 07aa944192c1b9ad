"""The vectors of MQTT: relayed exchanges, transactions that are handed over, and the article's form."""

import json
from typing import Any

from adyton.core.encoding import encode
from adyton.protocol.ethereum.signature import public_key
from adyton.protocol.ethereum.transaction import LEGACY, Transaction, sign_transaction
from adyton.protocol.relay import RelayRequest, RelayResponse
from tools.spec_case import Case

_SECRET = bytes(31) + b"\x07"
_TO = bytes.fromhex("f125691d24a6b5cdcb87a89cb825fdf4487c2a34")
_ID = "fe3d61b7cd6eff03698c0303b056e0fe3116206e"
_ARTICLE = {
    "nonce": "00",
    "gasPrice": "01",
    "gasLimit": "0186a0",
    "to": _TO.hex(),
    "value": "0401",
    "data": _ID,
    "chainId": "04",
}


def mqtt_cases(_: object) -> list[Case]:
    """Return the vectors of `mqtt.md`."""
    return [*_messages(), *_targets(), *_handed(), *_articles()]


def _messages() -> list[Case]:
    request = RelayRequest("GET", "/health", "", None, 65_536)
    posted = RelayRequest("POST", "/task?view=7", "application/cbor", encode({"envelope": b"x"}), 9)
    answer = RelayResponse(200, "application/cbor", encode({"answer": b"y"}))

    def case(name: str, message: str, data: bytes, refused: str = "") -> Case:
        return Case(name, "decode_message", {"message": message, "bytes": data.hex()}, refused)

    asked, answered = "relay-request/1", "relay-response/1"
    return [
        case("a request without a body", asked, request.encode()),
        case("a request with a body", asked, posted.encode()),
        case("an answer", answered, answer.encode()),
        case("a request in the place of an answer", answered, request.encode(), "malformed"),
        case("a byte after a request", asked, request.encode() + b"\x00", "malformed"),
        case("a status over 599", answered, encode([answered, 600, "", b""]), "malformed"),
        case(
            "a target over its bound",
            asked,
            encode([asked, "GET", "/" * 513, "", None, 1]),
            "too_large",
        ),
    ]


def _targets() -> list[Case]:
    def case(method: str, target: str, kind: str = "", refused: str = "") -> Case:
        given = {"method": method, "target": target, "content_type": kind}
        verb = "is not relayed" if refused else "is relayed"
        return Case(
            f"{method} {target} {kind} {verb}".replace("  ", " "), "relayed", given, refused
        )

    return [
        case("POST", "/task?view=7", "application/cbor"),
        case("GET", "/block?from=1&limit=256"),
        case("PUT", f"/blob/{bytes(32).hex()}", "application/octet-stream"),
        case("GET", "/metrics", refused="not_found"),
        case("GET", "/block/../metrics", refused="not_found"),
        case("GET", "/health?x=%41", refused="not_found"),
        case("POST", "/task", "application/json", refused="bad_argument"),
    ]


def _handed() -> list[Case]:
    transaction = Transaction(LEGACY, 4, 0, 100_000, _TO, 1025, _ID.encode(), 1)
    raw = "0x" + sign_transaction(transaction, _SECRET, public_key(_SECRET)).raw.hex()

    def case(name: str, said: Any, refused: str = "") -> Case:
        message = said if isinstance(said, str) else json.dumps(said)
        return Case(name, "read_tx", {"message": message}, refused)

    return [
        case("a transaction is handed over", {"v": 1, "raw": raw}),
        case("another version", {"v": 2, "raw": raw}, "bad_argument"),
        case("a member too many", {"v": 1, "raw": raw, "to": "me"}, "bad_argument"),
        case("a member twice", f'{{"v": 1, "raw": "{raw}", "raw": "{raw}"}}', "malformed"),
        case("no transaction", {"v": 1, "raw": raw[:-2]}, "malformed"),
        case("hex without 0x", {"v": 1, "raw": raw[2:]}, "bad_argument"),
    ]


def _articles() -> list[Case]:
    def case(name: str, refused: str = "", **changes: Any) -> Case:
        document = json.dumps({**_ARTICLE, **changes})
        return Case(name, "read_article", {"document": document}, refused)

    return [
        case("the article's own example"),
        case("data is text, whatever it looks like", data="0x00"),
        case("a number with 0x", "bad_argument", value="0x0401"),
        case("a number that is none of JSON's strings", "bad_argument", value=1025),
        case("an address with 0x", "bad_argument", to="0x" + _TO.hex()),
        case("a wrong checksum", "bad_argument", to="F125691d24a6b5Cdcb87a89Cb825fdf4487c2A34"),
        case("an unknown name", "bad_argument", maxFeePerGas="01"),
        case("two words for gas", "bad_argument", gas="0186a0"),
    ]
