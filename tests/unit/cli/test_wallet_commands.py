"""`adyton wallet` against a server that a test makes lie: what is asked, kept, written and shown."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client.keystore_v3 import decrypt, encrypt
from adyton.client.patience import Patience
from adyton.client.wallet_document import read_asked
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.wallet.decision import decide
from adyton.protocol.wallet.policy_reader import read_policy
from adyton.protocol.wallet.requests import Sign, amount
from tests.adversary.wallet_server import WalletServer
from tests.unit.cli.conftest import Adyton, Called, has_line, refused

VENDOR = "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
KEY = "46" * 32
KEY_ADDRESS = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
PHRASE = "test test test test test test test test test test test junk"
PHRASE_ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
FEES = ("--max-fee", "20gwei", "--tip", "1gwei")
_PAYMENT = json.dumps(
    {"to": VENDOR, "value": 7, "chainId": 4, "gas": 21_000, "gasPrice": 1}
).encode()
PAY = ("--to", VENDOR, "--value", "1025", "--chain", "4", *FEES)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WalletServer:
    """A server with wallets, reached under every address."""
    (tmp_path / "server").mkdir()
    made = WalletServer(tmp_path / "server")
    monkeypatch.setattr("adyton.client.transport.HttpTransport", lambda url: made)
    return made


@pytest.fixture
def policy(tmp_path: Path, trusted: Adyton) -> str:
    """A policy that pays the vendor."""
    made = trusted("wallet", "policy", "example", "--to", VENDOR, "--chain", "4")
    (tmp_path / "policy.json").write_text(made.stdout)
    return "policy.json"


@pytest.fixture
def own(trusted: Adyton, policy: str) -> str:
    """The address of a wallet with that policy."""
    made: str = trusted("wallet", "new", "--policy", policy, "--json").json()["address"]
    return made


def fails(called: Called) -> tuple[int, str]:
    """Return exit status and code of a failure under --json."""
    told = called.json()["error"]
    assert told["message"]
    assert told["exit_code"] == called.status
    return called.status, told["code"]


# --- wallets ------------------------------------------------------------------------------------


def test_a_wallet_is_made_listed_and_shown(trusted: Adyton, policy: str) -> None:
    made = trusted("wallet", "new", "--hd", "--accounts", "2", "--policy", policy, "--json").json()
    assert (made["kind"], made["version"], len(made["addresses"])) == ("hd", 1, 2)
    assert made["address"] == made["addresses"][0]
    assert made["policy_hash"] == read_policy(Path(policy).read_bytes()).hash.hex()
    assert trusted("wallet", "address").stdout.split() == made["addresses"]
    added = trusted("wallet", "account", "--json").json()
    assert added["addresses"] == [*made["addresses"], added["address"]]
    assert has_line(trusted("wallet", "list").stdout, made["address"], "hd", "mine")
    shown = trusted("wallet", "show", made["address"]).stdout
    assert has_line(shown, "account", "m/44'/60'/0'/0/2")
    trusted("wallet", "new")
    told = trusted("wallet", "show", "--json")
    assert fails(told) == (2, "usage")
    assert "name one" in told.json()["error"]["message"]
    assert (
        trusted("wallet", "show", made["wallet"][:12], "--json").json()["wallet"] == made["wallet"]
    )
    refused(trusted("wallet", "show", "00" * 32), 2, "wallet_unknown")
    refused(trusted("wallet", "show", "nonsense"), 2, "usage")


def test_without_a_wallet_the_command_says_how_to_make_one(trusted: Adyton) -> None:
    assert "adyton wallet new" in trusted("wallet", "list").stdout
    said = trusted("wallet", "send", *PAY)
    refused(said, 2, "wallet_unknown")
    assert "adyton wallet new" in said.stderr


def test_what_cannot_be_made_is_not_asked_for(
    trusted: Adyton, server: WalletServer, tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_text('{"v": 1, "rules": [{"id": "x", "effect": "allow"}]}')
    before = len(server.recorded)
    refused(trusted("wallet", "new", "--accounts", "65"), 2, "bad_argument")
    refused(trusted("wallet", "new", "--policy", "bad.json"), 2, "policy_invalid")
    assert "chain" in trusted("wallet", "new", "--policy", "bad.json").stderr
    assert trusted("wallet", "new", "--policy", "nowhere.json").status == 2
    assert len(server.recorded) == before


# --- secrets ------------------------------------------------------------------------------------


def test_secrets_come_out_of_files(trusted: Adyton, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"0x{KEY}\n")
    made = trusted("wallet", "import", "--key-file", "key", "--json").json()
    assert (made["address"], made["kind"]) == (KEY_ADDRESS, "key")
    (tmp_path / "words").write_text(f"{PHRASE}\n")
    made = trusted("wallet", "import", "--phrase-file", "words", "--accounts", "2", "--json").json()
    assert made["address"] == PHRASE_ADDRESS
    (tmp_path / "pass").write_text("salt")
    made = trusted(
        "wallet", "import", "--phrase-file", "words", "--password-file", "pass", "--json"
    ).json()
    assert made["address"] != PHRASE_ADDRESS
    (tmp_path / "file.json").write_bytes(encrypt(b"\x47" * 32, "salt", n=2**12))
    made = trusted(
        "wallet", "import", "--keystore", "file.json", "--password-file", "pass", "--json"
    ).json()
    assert made["kind"] == "key"
    (tmp_path / "pass").write_text("pepper")
    refused(
        trusted("wallet", "import", "--keystore", "file.json", "--password-file", "pass"),
        2, "keystore",
    )  # fmt: skip


@pytest.mark.parametrize("wrong", [KEY[:-1], KEY + "0", "zz" * 32, "00" * 32, ""])
def test_what_is_no_key_is_refused_and_not_repeated(
    trusted: Adyton, tmp_path: Path, server: WalletServer, wrong: str
) -> None:
    (tmp_path / "key").write_text(wrong)
    said = trusted("wallet", "import", "--key-file", "key")
    assert said.status == 2
    assert KEY[:20] not in said.stderr
    assert not server.recorded


def test_a_secret_is_typed_where_somebody_is_there(
    trusted: Adyton, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(trusted("wallet", "import"), 2, "usage")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _: KEY)
    assert trusted("wallet", "import", "--json").json()["address"] == KEY_ADDRESS
    monkeypatch.setattr("getpass.getpass", lambda _: PHRASE)
    made = trusted("wallet", "import", "--phrase", "--json").json()
    assert made["address"] == PHRASE_ADDRESS


def test_a_secret_is_read_from_standard_input(
    trusted: Adyton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(KEY.encode())))
    assert trusted("wallet", "import", "--key-file", "-", "--json").json()["address"] == KEY_ADDRESS


def test_an_export_goes_to_a_file_that_nobody_else_reads(
    trusted: Adyton, own: str, tmp_path: Path, server: WalletServer
) -> None:
    (tmp_path / "pass").write_text("pepper\n")
    before = len(server.recorded)
    refused(trusted("wallet", "export"), 2, "usage")
    refused(trusted("wallet", "export", "--out", "pass", "--password-file", "pass"), 2, "exists")
    refused(trusted("wallet", "export", "--out", "k", "--to-terminal"), 2, "usage")
    refused(trusted("wallet", "export", "--out", "words", "--format", "phrase"), 2, "usage")
    (tmp_path / "empty").write_text("")
    refused(trusted("wallet", "export", "--out", "k", "--password-file", "empty"), 2, "usage")
    assert len(server.recorded) == before
    said = trusted("wallet", "export", "--out", "key.json", "--password-file", "pass", "--json")
    assert said.json()["address"] == own
    (held,) = server.held.values()
    assert decrypt((tmp_path / "key.json").read_bytes(), "pepper") == held.keys[0]
    assert stat.S_IMODE(os.stat(tmp_path / "key.json").st_mode) == 0o600
    assert held.keys[0].hex() not in said.stdout + said.stderr
    shown = trusted("wallet", "export", "--to-terminal").stdout
    assert shown.strip() == held.keys[0].hex()


def test_a_phrase_and_one_account_s_key_are_exported(
    trusted: Adyton, tmp_path: Path, server: WalletServer
) -> None:
    made = trusted("wallet", "new", "--hd", "--accounts", "2", "--json").json()
    assert trusted("wallet", "export", "--out", "words", "--format", "phrase").status == 0
    (held,) = server.held.values()
    assert (tmp_path / "words").read_text() == held.phrase + "\n"
    second = made["addresses"][1]
    shown = trusted("wallet", "export", "--to-terminal", "--account", second).stdout
    assert shown.strip() == held.keys[1].hex()
    refused(trusted("wallet", "export", "--to-terminal", "--account", VENDOR), 2, "wallet_unknown")


# --- policies -----------------------------------------------------------------------------------


def test_a_policy_is_checked_and_explained_without_a_server(adyton: Adyton, tmp_path: Path) -> None:
    example = adyton(
        "wallet", "policy", "example", "--to", VENDOR, "--chain", "4", "--token", TOKEN
    )
    (tmp_path / "policy.json").write_text(example.stdout)
    check = ("wallet", "policy", "check", "--policy", "policy.json")
    assert has_line(adyton(*check).stdout, "rule", "pay", "allows transaction")
    seen = adyton(*check, *PAY, "--json").json()
    assert (seen["decision"], seen["rule"]) == ("allow", "pay")
    assert {line["outcome"] for line in seen["explained"] if line["rule"] == "pay"} == {"passed"}
    assert any("1025 wei" in line for line in seen["intent"])
    said = adyton(*check, "--to", VENDOR, "--value", "1ether", "--chain", "4", *FEES)
    assert (said.status, "[payment_refused]" in said.stderr) == (5, True)
    assert has_line(said.stdout, "failed", "value is at most")
    assert (
        adyton(*check, "--to", VENDOR, "--value", "1ether", "--chain", "4", *FEES, "--json").status
        == 5
    )
    token = ("--token", TOKEN, "--to", VENDOR, "--amount", "7", "--chain", "4", "--gas", "60000")
    assert adyton(*check, *token, *FEES, "--json").json()["rule"] == "token"
    stranger = ("--token", TOKEN, "--to", KEY_ADDRESS, "--amount", "7", "--chain", "4")
    assert adyton(*check, *stranger, "--gas", "60000", *FEES, "--json").json()["decision"] == "deny"
    assert adyton(*check, "--message", "hello", "--json").json()["decision"] == "deny"


def test_the_wallet_s_own_policy_is_asked_with_its_limits(trusted: Adyton, own: str) -> None:
    seen = trusted("wallet", "policy", "check", *PAY, "--json").json()
    assert (seen["decision"], seen["rule"]) == ("allow", "pay")
    assert any(own in line for line in seen["intent"])
    other = trusted("wallet", "policy", "check", *PAY, "--client", "11" * 32, "--json").json()
    assert other["decision"] == "deny"
    assert has_line(trusted("wallet", "policy", "show").stdout, '"id": "pay"')
    refused(trusted("wallet", "policy", "check"), 2, "usage")


def test_a_policy_is_set_after_it_was_read(
    trusted: Adyton, own: str, tmp_path: Path, server: WalletServer
) -> None:
    (tmp_path / "other.json").write_text('{"v": 1, "rules": []}')
    said = trusted("wallet", "policy", "set", "other.json", "--json").json()
    assert (said["version"], said["warnings"]) == (2, ["any receiver"])
    assert trusted("wallet", "policy", "check", *PAY, "--json").json()["decision"] == "deny"
    (tmp_path / "other.json").write_text('{"v": 2, "rules": []}')
    before = len(server.recorded)
    refused(trusted("wallet", "policy", "set", "other.json"), 2, "policy_invalid")
    assert len(server.recorded) == before


def test_how_far_limits_are_used_is_shown_in_words(
    trusted: Adyton, server: WalletServer, tmp_path: Path
) -> None:
    def limit(per: str, **more: Any) -> dict[str, Any]:
        return {"sum": "value", "window": 3600, "max": 9, "per": per, "name": per} | more

    rule = {
        "id": "pay", "effect": "allow", "chain": [4], "when": {"fee": "any", "to": {"in": "@all"}},
        "limits": [limit(per) for per in ("wallet", "account", "to", "client")],
    }  # fmt: skip
    policy = {"v": 1, "time": "host", "sets": {"all": [VENDOR]}, "rules": [rule]}
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    own = trusted("wallet", "new", "--policy", "policy.json", "--json").json()["address"]
    read = read_policy((tmp_path / "policy.json").read_bytes())
    (held,) = server.held.values()
    asked = Sign(held.known.accounts[0].address, "transaction", "json-rpc", _PAYMENT, False, "")
    decision = decide(read, read_asked(asked), held.known.owner, held.known.owner, lambda _: 0)
    charged = {charge.meter.key: amount(charge.amount) for charge in decision.charges}
    server.shown["show"] = {"meters": (*charged.items(), (bytes(32), b"\1"))}
    shown = trusted("wallet", "show").stdout
    assert has_line(shown, "7 of 9 used", "wallet")
    assert has_line(shown, "7 of 9 used", own)
    assert has_line(shown, "7 of 9 used", VENDOR)
    assert has_line(shown, "7 of 9 used", held.known.owner.hex()[:16])
    assert has_line(shown, "1 used", "names no more")
    assert len(trusted("wallet", "show", "--json").json()["meters"]) == 5


# --- signing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (("--to", VENDOR, "--value", "1.5", "--chain", "4", *FEES), "bad_argument", "not whole"),
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


# --- approvals ----------------------------------------------------------------------------------


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
    assert has_line(trusted("wallet", "proposals").stdout, '"rules": []')
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
    from tests.unit.client.test_wallets import entry

    assert "nothing was asked" in trusted("wallet", "audit").stdout
    server.audited = [entry(place) for place in range(5)]
    told: dict[str, Any] = trusted("wallet", "audit", "--json").json()
    assert [one["place"] for one in told["entries"]] == list(range(5))
    assert (told["total"], told["entries"][0]["value"]) == (5, 1)
    assert len(trusted("wallet", "audit", "--last", "2", "--json").json()["entries"]) == 2
    assert has_line(trusted("wallet", "audit", "--start", "4").stdout, "4", "transaction", "pay")
    refused(trusted("wallet", "audit", "--last", "0"), 2, "usage")
