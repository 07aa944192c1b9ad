"""`adyton wallet` against a server that a test makes lie: what is signed, kept, approved and shown."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client.keystore_v3 import decrypt
from adyton.client.patience import Patience
from adyton.client.rpc.journal import Journal
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.wallet.requests import Sign
from tests.adversary.wallet_server import WalletServer
from tests.unit.cli.conftest import Adyton, has_line, refused
from tests.unit.cli.wallets.conftest import (
    FEES,
    PAY,
    TOKEN,
    VENDOR,
    fails,
)


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (("--to", VENDOR, "--value", "1.5", "--chain", "4", *FEES), "bad_argument", "write 1.5ether"),
        (("--to", VENDOR, "--value", "1.5wei", "--chain", "4", *FEES), "bad_argument", "whole"),
        (("--to", VENDOR.lower(), "--value", "1", "--chain", "4", *FEES), "bad_argument", "lowercase"),
        (("--to", VENDOR[:-1] + "5", "--value", "1", "--chain", "4", *FEES), "bad_argument", "checksum"),
        (("--to", VENDOR, "--value", "1", *FEES), "usage", "--chain is missing"),
        (("--to", VENDOR, "--chain", "4", *FEES), "usage", "--value is missing"),
        (("--value", "1", "--chain", "4", *FEES), "usage", "--to is missing"),
        (("--to", VENDOR, "--value", "1", "--chain", "4"), "usage", "no fees"),
        (("--to", VENDOR, "--value", "1", "--chain", "4", "--max-fee", "1"), "usage", "no fees"),
        (("--to", VENDOR, "--value", "1", "--chain", "4", *FEES, "--gas-price", "1"), "usage", "type"),
        (("--to", VENDOR, "--value", "1", "--chain", "0", *FEES), "bad_argument", "--chain"),
        (("--to", VENDOR, "--value", str(2**256), "--chain", "4", *FEES), "bad_argument", "--value"),
        ((*PAY, "--nonce", str(2**64)), "bad_argument", "--nonce"),
        ((*PAY, "--data", "0x1"), "bad_argument", "--data"),
        ((*PAY, "--data", "0x12"), "usage", "--gas"),
        ((*PAY, "--amount", "1"), "usage", "--token"),
        ((*PAY, "--token", TOKEN), "usage", "--value"),
        (("--to", VENDOR, "--token", TOKEN, "--chain", "4", *FEES), "usage", "--amount"),
        ((*PAY, "--key", "x" * 65), "usage", "--key"),
        ((*PAY, "--show", "rule"), "usage", "--receipt"),
        ((*PAY, "--from", VENDOR), "wallet_unknown", "no wallet"),
    ],
)  # fmt: skip
def test_a_payment_that_says_no_one_thing_is_not_asked_for(
    trusted: Adyton, own: str, server: WalletServer, given: tuple[str, ...], code: str, words: str
) -> None:
    before = len(server.recorded)
    said = trusted("wallet", "send", *given)
    refused(said, 2, code)
    assert words in said.stderr
    assert len(server.recorded) == before


def test_a_payment_is_said_in_words_signed_and_kept(
    trusted: Adyton, own: str, tmp_path: Path
) -> None:
    said = trusted("wallet", "send", *PAY, "--receipt", "paid.receipt")
    made = decode_signed(bytes.fromhex(said.stdout.strip()[2:]))
    assert (made.transaction.value, made.transaction.max_fee) == (1025, 20 * 10**9)
    for words in (VENDOR, "1025 wei", "fee at most", "rule 'pay' allows it"):
        assert words in said.stderr
    verdict = trusted("verify", "paid.receipt", "--json").json()
    assert verdict["subject"] == "wallet request"
    assert (verdict["shown"]["account"], verdict["shown"]["status"]) == (own, "signed")
    told = trusted("wallet", "send", *PAY, "--json").json()
    assert (told["nonce"], told["chain"], told["rule"]) == (1, 4, "pay")
    assert told["transaction"]["to"] == VENDOR
    assert trusted("wallet", "nonce", "--chain", "4").stdout.strip() == "2"
    raised = trusted("wallet", "nonce", "--chain", "4", "--raise-to", "9", "--json").json()
    assert raised["nonce"] == 9


def test_what_is_pulled_out_of_a_receipt_is_its_holder_s_choice(
    trusted: Adyton, own: str, tmp_path: Path
) -> None:
    refused(trusted("wallet", "send", *PAY, "--receipt", "r", "--show", "signature"), 2, "usage")
    refused(trusted("wallet", "send", *PAY, "--receipt", "r", "--show", "colour"), 2, "usage")
    trusted("wallet", "send", *PAY, "--receipt", "r", "--show", "rule,digest,signature")
    verdict = trusted("verify", "r", "--json", "--explain").json()
    assert set(verdict["shown"]) == {"rule", "digest", "signature"}
    assert [step["state"] for step in verdict["steps"]] == ["passed"] * 8
    refused(trusted("wallet", "send", *PAY, "--receipt", "r"), 2, "exists")
    raw = bytearray((tmp_path / "r").read_bytes())
    raw[-10] ^= 1
    (tmp_path / "r").write_bytes(raw)
    assert trusted("verify", "r").status in (3, 4)


def test_a_replacement_pays_a_tenth_more(trusted: Adyton, own: str) -> None:
    trusted("wallet", "send", "--to", VENDOR, "--value", "7", "--chain", "4", "--gas-price", "15")
    told = trusted("wallet", "replace", "--chain", "4", "--nonce", "0", "--json").json()
    assert (told["transaction"]["gasPrice"], told["transaction"]["value"]) == ("0x11", "0x7")
    trusted("wallet", "send", *PAY)
    told = trusted("wallet", "cancel", "--chain", "4", "--nonce", "1", "--json").json()
    assert (told["transaction"]["maxFeePerGas"], told["transaction"]["to"]) == (
        hex(22 * 10**9),
        own,
    )
    told = trusted("wallet", "replace", "--nonce", "1", *PAY, "--json").json()
    assert told["transaction"]["maxFeePerGas"] == hex(20 * 10**9)
    refused(trusted("wallet", "replace", "--chain", "4", "--nonce", "7"), 2, "not_found")
    refused(trusted("wallet", "cancel", "--chain", "4", "--nonce", "7"), 2, "not_found")
    refused(trusted("wallet", "broadcast", "--chain", "4", "--nonce", "0"), 2, "usage")


def test_what_a_program_was_paid_by_is_cancelled_alike(
    trusted: Adyton, own: str, tmp_path: Path
) -> None:
    told = trusted("wallet", "send", *PAY, "--json").json()
    (kept,) = tmp_path.glob("**/signed/4-*-0")
    kept.unlink()
    refused(trusted("wallet", "cancel", "--chain", "4", "--nonce", "0"), 2, "not_found")
    keystore = kept.parents[3]
    Journal(keystore / "rpc" / "4").put(decode_signed(bytes.fromhex(told["raw"][2:])), 1)
    gone = trusted("wallet", "cancel", "--chain", "4", "--nonce", "0", "--json").json()
    assert gone["transaction"]["maxFeePerGas"] == hex(22 * 10**9)


def test_documents_come_out_of_files(trusted: Adyton, own: str, tmp_path: Path) -> None:
    document = {
        "to": VENDOR[2:].lower(), "value": "0401", "gasPrice": "01", "gasLimit": "0186a0",
        "chainId": "04", "data": "fe3d61b7",
    }  # fmt: skip
    (tmp_path / "article.json").write_text(json.dumps(document))
    sign = ("wallet", "sign", "--transaction", "article.json")
    told = trusted(*sign, "--profile", "article", "--json").json()
    assert (told["transaction"]["value"], told["transaction"]["data"]) == (
        "0x401", "0x" + b"fe3d61b7".hex(),
    )  # fmt: skip
    refused(trusted(*sign), 2, "bad_argument")
    typed = {
        "types": {"EIP712Domain": [], "Order": [{"name": "amount", "type": "uint256"}]},
        "primaryType": "Order", "domain": {}, "message": {"amount": 7},
    }  # fmt: skip
    (tmp_path / "typed.json").write_text(json.dumps(typed))
    assert len(trusted("wallet", "sign", "--typed-data", "typed.json").stdout.strip()) == 132
    (tmp_path / "typed.json").write_text(json.dumps({**typed, "message": {}}))
    refused(trusted("wallet", "sign", "--typed-data", "typed.json"), 2, "bad_argument")
    (tmp_path / "typed.json").write_text('{"types": 1.5}')
    refused(trusted("wallet", "sign", "--typed-data", "typed.json"), 3, "malformed")
    one = trusted("wallet", "sign", "--message", "hi").stdout
    assert trusted("wallet", "sign", "--message-hex", "0x6869").stdout == one
    refused(trusted("wallet", "sign", "--message-hex", "hi"), 2, "bad_argument")
    refused(trusted("wallet", "sign"), 2, "usage")
    refused(trusted("wallet", "sign", "--message", "x", "--profile", "article"), 2, "usage")


def test_nothing_is_signed_that_is_not_confirmed(
    trusted: Adyton, own: str, server: WalletServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(server.recorded)
    monkeypatch.setattr("adyton.cli.wallet_intent._somebody", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
    refused(trusted("wallet", "send", *PAY), 2, "usage")
    assert len(server.recorded) == before
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert trusted("wallet", "send", *PAY).status == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    refused(trusted("wallet", "send", *PAY), 2, "usage")
    assert trusted("wallet", "send", *PAY, "--yes").status == 0


def test_a_refusal_is_told_with_rule_reason_and_receipt(
    trusted: Adyton, own: str, server: WalletServer, tmp_path: Path
) -> None:
    server.told = {"status": "refused", "reason": "too much", "raw": b"", "signature": b""}
    said = trusted("wallet", "send", *PAY, "--receipt", "no.receipt")
    refused(said, 5, "payment_refused")
    assert "too much" in said.stderr
    assert "rule pay refuses it" in said.stderr
    assert trusted("verify", "no.receipt", "--json").json()["shown"]["status"] == "refused"
    told = trusted("wallet", "send", *PAY, "--json").json()
    assert (told["status"], told["rule"], told["reason"]) == ("refused", "pay", "too much")
    assert told["error"]["code"] == "payment_refused"


def test_a_lost_answer_is_asked_for_again(
    trusted: Adyton, own: str, server: WalletServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "__call__", lambda self, call: call())
    refused(trusted("wallet", "resume"), 2, "not_found")
    server.drops = ["POST /task"]
    said = trusted("wallet", "send", *PAY)
    refused(said, 7, "timeout")
    assert "adyton wallet resume" in said.stderr
    resumed = trusted("wallet", "resume", "--json").json()
    assert (resumed["nonce"], resumed["address"]) == (0, own)
    assert trusted("wallet", "nonce", "--chain", "4").stdout.strip() == "1"
    assert trusted("wallet", "replace", "--chain", "4", "--nonce", "0").status == 0
    server.drops = ["POST /task"]
    refused(trusted("wallet", "account"), 7, "timeout")
    assert len(trusted("wallet", "resume", "--json").json()["addresses"]) == 2


def test_what_waits_for_others_is_told_approved_and_claimed(
    trusted: Adyton, own: str, server: WalletServer
) -> None:
    assert "nothing waits" in trusted("wallet", "proposals").stdout
    server.approvals = 1
    told = trusted("wallet", "send", *PAY, "--json")
    assert fails(told) == (5, "approval_pending")
    proposal = told.json()["proposal"]
    assert (told.json()["status"], told.json()["missing"]) == ("pending", 1)
    listed = trusted("wallet", "proposals")
    assert has_line(listed.stdout, "value", "1025 wei")
    assert fails(trusted("wallet", "claim", proposal, "--json")) == (5, "approval_pending")
    assert "it can be claimed" in trusted("wallet", "approve", proposal[:10]).stdout
    claimed = trusted("wallet", "claim", proposal, "--json").json()
    assert (claimed["nonce"], claimed["address"]) == (0, own)
    refused(trusted("wallet", "claim", proposal), 2, "not_found")


def test_policies_and_exports_are_claimed_too(
    trusted: Adyton, own: str, server: WalletServer, tmp_path: Path
) -> None:
    server.approvals = 1
    (tmp_path / "other.json").write_text('{"v": 1, "rules": []}')
    proposal = trusted("wallet", "policy", "set", "other.json", "--json").json()["proposal"]
    listed = trusted("wallet", "proposals").stdout
    assert has_line(listed, '"rules": []')
    assert has_line(listed, "- rules.pay:", '"effect": "allow"')
    assert has_line(listed, "asked by", "(the owner)")
    trusted("wallet", "approve", proposal)
    assert trusted("wallet", "claim", proposal, "--json").json()["version"] == 2
    (tmp_path / "pass").write_text("pepper")
    asked = trusted("wallet", "export", "--to-terminal", "--json").json()
    trusted("wallet", "approve", asked["proposal"])
    refused(trusted("wallet", "claim", asked["proposal"]), 2, "usage")
    said = trusted(
        "wallet", "claim", asked["proposal"], "--out", "k.json", "--password-file", "pass"
    )
    assert said.status == 0
    (held,) = server.held.values()
    assert decrypt((tmp_path / "k.json").read_bytes(), "pepper") == held.keys[0]
    again = trusted("wallet", "policy", "set", "other.json", "--json").json()["proposal"]
    held.known = replace(held.known, version=9)
    assert has_line(trusted("wallet", "proposals").stdout, "version 9 holds by now")
    assert "rejected" in trusted("wallet", "reject", again).stdout
    assert trusted("wallet", "proposals", "--json").json() == {"proposals": []}


def test_an_approval_of_other_content_is_refused(
    trusted: Adyton, own: str, server: WalletServer
) -> None:
    server.approvals = 1
    proposal = trusted("wallet", "send", *PAY, "--json").json()["proposal"]
    (held,) = server.waiting.values()
    asked = Sign.decode(held.content)
    other = replace(asked, document=asked.document.replace(b"0x401", b"0x402"))
    server.waiting[held.proposal] = replace(held, content=other.encode())
    before = len(server.recorded)
    refused(trusted("wallet", "approve", proposal), 4, "answer_invalid")
    assert len(server.recorded) == before


def test_an_audit_is_listed(trusted: Adyton, own: str, server: WalletServer) -> None:
    from tests.wallet_asking import entry

    assert "nothing was asked" in trusted("wallet", "audit").stdout
    server.audited = [entry(place) for place in range(5)]
    told: dict[str, Any] = trusted("wallet", "audit", "--json").json()
    assert [one["place"] for one in told["entries"]] == list(range(5))
    assert (told["total"], told["entries"][0]["value"]) == (5, 1)
    assert len(trusted("wallet", "audit", "--last", "2", "--json").json()["entries"]) == 2
    assert has_line(trusted("wallet", "audit", "--start", "4").stdout, "4", "transaction", "pay")
    refused(trusted("wallet", "audit", "--last", "0"), 2, "usage")
