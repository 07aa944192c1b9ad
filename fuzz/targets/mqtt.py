"""What gateways get from devices, and devices from gateways."""

from __future__ import annotations

import json

from adyton.core import strict_json
from adyton.host.gateways.allowed import require_allowed
from adyton.host.gateways.reports import MESSAGE, read_handed, transaction_id
from adyton.mqtt import topics
from adyton.protocol.ethereum.signature import public_key
from adyton.protocol.ethereum.transaction import LEGACY, Transaction, sign_transaction
from adyton.protocol.relay import RelayRequest, RelayResponse
from adyton.protocol.wallet.article import read_article
from fuzz.target import Target, refused_or, require

_SECRET = bytes(31) + b"\x01"
_TO = bytes(range(20))


def mqtt(data: bytes) -> None:
    """Relayed exchanges, their targets, and topics."""
    request = refused_or(lambda: RelayRequest.decode(data))
    if request is not None:
        require(request.encode() == data, "a request has one encoding")
        _target(request.method, request.target, request.content_type, request.body is not None)
    response = refused_or(lambda: RelayResponse.decode(data))
    if response is not None:
        require(response.encode() == data, "an answer has one encoding")
    text = data.decode("utf-8", "replace")
    _target("GET", text, "", False)
    sender = topics.sender_of_request("g", text)
    if sender is not None:
        require(topics.request("g", *sender) == text, "a topic names one sender")
        require("/" not in "".join(sender) and "+" not in "".join(sender), "a name is a level")


def _target(method: str, target: str, kind: str, has_body: bool) -> None:
    def allowed() -> str:
        require_allowed(method, target, kind, has_body=has_body)
        return target

    passed = refused_or(allowed)
    if passed is not None:
        require(passed.isascii() and passed.isprintable(), "a target stays in its line")
        require(" " not in passed and "#" not in passed and ".." not in passed, "and in its place")


def mqtt_json(data: bytes) -> None:
    """Transactions that are handed over, and the article's documents."""
    raw = refused_or(lambda: read_handed(data))
    if raw is not None:
        again = json.dumps({"v": 1, "raw": "0x" + raw.hex()}).encode()
        require(read_handed(again) == raw, "what is handed over is read back")
    text = transaction_id(data)
    if text is not None:
        require(text.encode() == data and text.isprintable(), "an id is the data itself")
    made = refused_or(lambda: read_article(data))
    if made is not None:
        said = strict_json.read(data, most=MESSAGE, depth=1)
        require(made.data == said.get("data", "").encode(), "data is the text's own bytes")
        require(made.value == int(said.get("value", "0"), 16), "a value is hex")
        require(made.to is not None and made.to.hex() == said["to"].lower(), "to whom it says")


def _messages() -> list[bytes]:
    return [
        RelayRequest("GET", "/block?task_hash=00&wait=60", "", None, 65_536).encode(),
        RelayRequest("POST", "/task?view=7", "application/cbor", b"\xa0", 9).encode(),
        RelayResponse(200, "application/cbor", b"\xa0").encode(),
        f"/blob/{bytes(32).hex()}".encode(),
        b"adyton/v1/g/device-7/0a1b/req",
    ]


def _json() -> list[bytes]:
    transaction = Transaction(LEGACY, 4, 0, 100_000, _TO, 1025, b"fe3d61b7", 1)
    raw = sign_transaction(transaction, _SECRET, public_key(_SECRET)).raw
    article = {
        "nonce": "00",
        "gasPrice": "01",
        "gasLimit": "0186a0",
        "to": _TO.hex(),
        "value": "0401",
        "data": "fe3d61b7",
        "chainId": "04",
    }
    return [
        json.dumps({"v": 1, "raw": "0x" + raw.hex()}).encode(),
        json.dumps(article).encode(),
        "Ladesäule 7".encode(),
    ]


TARGETS = (Target("mqtt", mqtt, _messages), Target("mqtt_json", mqtt_json, _json))
