"""The published JSON schemas say what the programs write and take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adyton.core.errors import Error
from adyton.host.gateways import reports
from adyton.protocol.ethereum.transaction_json import read_transaction
from adyton.protocol.wallet.article import article_fields
from tests.ethereum_kit import Account
from tests.json_schema import Schema

EVENTS = Schema("mqtt-events.schema.json")
REQUESTS = Schema("wallet-request.schema.json")
PAID = Account(7).pay(3)
MINED = reports.Mined(16, bytes(32), True, 21_000)
REVERTED = reports.Mined(16, bytes(32), False, 21_000)
ADDRESS = "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
REASONS = (
    *sorted(reports.RETRIED),
    reports.MALFORMED,
    reports.WRONG_CHAIN,
    reports.REPLACED,
    reports.REVERTED,
)


@pytest.mark.parametrize(
    "event",
    [
        reports.event(reports.BROADCAST, PAID),
        reports.event(reports.BROADCAST, Account(7).pay(2**64 - 2, chain=2**63, data=b"\x00")),
        reports.event(reports.CONFIRMED, PAID, mined=MINED, confirmations=12),
        reports.event(
            reports.FAILED, PAID, mined=REVERTED, confirmations=12, reason=reports.REVERTED
        ),
        *(
            reports.event(reports.FAILED, PAID, reason=reason, detail="why\n" * 99)
            for reason in REASONS
        ),
        reports.refusal(reports.MALFORMED, "not JSON"),
        reports.refusal(reports.OVERLOADED, "", bytes(32)),
    ],
)
def test_what_gateways_publish_is_an_event(event: bytes) -> None:
    said = json.loads(event)
    assert EVENTS.problems(said) == []
    assert EVENTS.problems(said, "event") == []
    assert EVENTS.problems({**said, "more": 1}, "event") != []
    assert EVENTS.problems({**said, "event": "fine"}, "event") != []


@pytest.mark.parametrize("chain", [None, 1, 2**63])
@pytest.mark.parametrize("name", ["online", "offline"])
def test_what_gateways_say_of_themselves(name: str, chain: int | None) -> None:
    said = json.loads(reports.status(name, "00" * 8, chain))
    assert EVENTS.problems(said, "status") == []
    assert EVENTS.problems({**said, "boot": ""}, "status") != []


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ({"v": 1, "raw": "0x" + PAID.raw.hex()}, True),
        ({"v": 1, "raw": "0x"}, True),
        ({"v": 1, "raw": "0x0"}, False),
        ({"v": 1, "raw": "00"}, False),
        ({"v": 2, "raw": "0x00"}, False),
        ({"v": True, "raw": "0x00"}, False),
        ({"v": 1}, False),
        ({"v": 1, "raw": "0x00", "more": 1}, False),
        ([], False),
        ({"v": 1, "raw": "0x" + "00" * (128 * 1024 + 1)}, False),
    ],
)
def test_schema_and_reader_agree_on_what_is_handed_over(said: Any, right: bool) -> None:
    assert (EVENTS.problems(said, "tx") == []) is right
    assert accepts(reports.read_handed, said) is right


def accepts(read: Any, said: Any) -> bool:
    try:
        read(json.dumps(said).encode())
    except Error:
        return False
    return True


ARTICLE = {
    "nonce": "00",
    "gasPrice": "01",
    "gasLimit": "0186a0",
    "to": ADDRESS[2:].lower(),
    "value": "0401",
    "data": "fe3d61b7cd6eff03698c0303b056e0fe3116206e",
    "chainId": "04",
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"nonce": None},
        {"data": None},
        {"data": "0x"},
        {"data": 5},
        {"to": ADDRESS[2:]},
        {"to": ADDRESS},
        {"to": "00"},
        {"to": None},
        {"gas": "01"},
        {"gasLimit": None},
        {"gasLimit": None, "gas": "01"},
        {"value": 1025},
        {"value": "0x01"},
        {"value": ""},
        {"value": "0" * 65},
        {"chainId": None},
        {"from": "00" * 20},
        {"maxFeePerGas": "01"},
    ],
)
def test_schema_and_reader_agree_on_the_articles_form(changes: dict[str, Any]) -> None:
    fields = {**ARTICLE, **changes}
    said = {name: value for name, value in fields.items() if value is not None}
    assert (REQUESTS.problems(said, "article") == []) is accepts(article_fields, said)


PLAIN = {
    "chainId": 1,
    "nonce": 0,
    "gas": "21000",
    "to": ADDRESS,
    "value": "0x401",
    "maxFeePerGas": 2,
    "maxPriorityFeePerGas": 1,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"value": None},
        {"data": "0x00"},
        {"input": "0x00"},
        {"data": "0x0"},
        {"data": "00"},
        {"value": 1.5},
        {"value": "1.5"},
        {"value": "0x0401"},
        {"value": -1},
        {"value": True},
        {"to": "NULL"},
        {"to": ADDRESS[:-1]},
        {"to": None},
        {"gas": None},
        {"gas": None, "gasLimit": 21_000},
        {"chainId": None},
        {"maxFeePerGas": None},
        {"maxFeePerGas": None, "maxPriorityFeePerGas": None, "gasPrice": 1},
        {"gasPrice": 1},
        {"accessList": []},
        {"accessList": [{"address": ADDRESS, "storageKeys": ["0x" + "00" * 32]}]},
        {"accessList": [{"address": ADDRESS}]},
        {"accessList": [{"address": ADDRESS, "storageKeys": ["0x00"]}]},
        {"blobs": []},
        {"Gas": 1},
    ],
)
def test_schema_and_reader_agree_on_the_words_of_json_rpc(changes: dict[str, Any]) -> None:
    fields = {**PLAIN, **changes}
    said: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    if said.get("to") == "NULL":
        said["to"] = None

    def read(encoded: bytes) -> None:
        read_transaction(json.loads(encoded))

    assert (REQUESTS.problems(said, "transaction") == []) is accepts(read, said)


@pytest.mark.parametrize(
    ("definition", "said", "right"),
    [
        ("cancel", {"chainId": 1, "nonce": 4, "gasPrice": 1}, True),
        ("cancel", {"chainId": 1, "gasPrice": 1}, False),
        ("cancel", {"chainId": 1, "nonce": 4, "gasPrice": 1, "value": 1}, False),
        ("message", {"message": "0x00"}, True),
        ("message", {"message": "text"}, False),
        ("message", {}, False),
        ("typedData", {"types": {}, "primaryType": "A", "domain": {}, "message": {}}, True),
        ("typedData", {"types": {}, "primaryType": "A", "domain": {}}, False),
    ],
)
def test_the_other_methods(definition: str, said: Any, right: bool) -> None:
    assert (REQUESTS.problems(said, definition) == []) is right
    if right:
        assert REQUESTS.problems(said) == []
