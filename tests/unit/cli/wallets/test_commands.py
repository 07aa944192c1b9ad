"""`adyton wallet` against a server that a test makes lie: wallets, secrets and policies."""

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
from adyton.client.wallet_document import read_asked
from adyton.protocol.wallet.answers import Account, Proposal
from adyton.protocol.wallet.decision import decide
from adyton.protocol.wallet.policy_reader import read_policy
from adyton.protocol.wallet.requests import ChangePolicy, Sign, amount
from tests.adversary.wallet_server import Held, WalletServer
from tests.unit.cli.conftest import Adyton, has_line, refused
from tests.unit.cli.wallets.conftest import (
    FEES,
    KEY,
    KEY_ADDRESS,
    PAY,
    PAYMENT,
    PHRASE,
    PHRASE_ADDRESS,
    TOKEN,
    VENDOR,
    fails,
)


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


def test_a_stranger_s_wallet_is_never_meant_beside_one_s_own(
    trusted: Adyton, own: str, server: WalletServer
) -> None:
    [held] = server.held.values()
    known, stranger = held.known, Account(bytes(20), "")
    other = replace(
        known, wallet=bytes(32), owner=bytes(32), clients=(known.owner,), accounts=(stranger,)
    )
    server.held[other.wallet] = Held(other, [], b"")
    assert has_line(trusted("wallet", "list").stdout, "named")
    assert trusted("wallet", "address").stdout.split() == [own]
    assert trusted("wallet", "send", *PAY, "--json").json()["address"] == own
    # Whoever has none of their own is asked to pay from one that names them.
    del server.held[known.wallet]
    assert trusted("wallet", "address").stdout.split() == ["0x" + "00" * 20]


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


def test_a_policy_is_checked_and_explained_without_a_server(adyton: Adyton, tmp_path: Path) -> None:
    example = adyton(
        "wallet",
        "policy",
        "example",
        "--to",
        VENDOR,
        "--chain",
        "4",
        "--token",
        TOKEN,
        "--max-amount",
        "7",
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
    more = [{"7": "8"}.get(word, word) for word in token]
    assert adyton(*check, *more, *FEES, "--json").json()["decision"] == "deny"
    refused(adyton("wallet", "policy", "example", "--token", TOKEN), 2, "usage")
    stranger = ("--token", TOKEN, "--to", KEY_ADDRESS, "--amount", "7", "--chain", "4")
    assert adyton(*check, *stranger, "--gas", "60000", *FEES, "--json").json()["decision"] == "deny"
    assert adyton(*check, "--message", "hello", "--json").json()["decision"] == "deny"


def test_the_policy_of_a_device_that_pays_and_says_what_for(adyton: Adyton, tmp_path: Path) -> None:
    device, begin = "11" * 32, ("wallet", "policy", "example", "--to", VENDOR, "--chain", "4")
    example = adyton(*begin, "--data", "64", "--client", device)
    (tmp_path / "policy.json").write_text(example.stdout)
    check = ("wallet", "policy", "check", "--policy", "policy.json", *PAY, "--gas", "30000")

    def asked(*more: str) -> str:
        decision: str = adyton(*check, *more, "--json").json()["decision"]
        return decision

    paid = ("--data", "0x" + "61" * 64)
    assert asked(*paid, "--client", device) == asked(*paid) == "allow"
    assert asked("--data", "0x" + "61" * 65, "--client", device) == "deny"
    plain = adyton(*begin, "--client", device).stdout
    (tmp_path / "policy.json").write_text(plain)
    assert asked(*paid, "--client", device) == "deny"
    for wrong in (("--data", "0"), ("--data", "all"), ("--client", "11")):
        assert adyton(*begin, *wrong).status == 2


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


def test_a_policy_that_would_steer_a_terminal_is_shown_escaped(
    trusted: Adyton, own: str, server: WalletServer
) -> None:
    [held] = server.held.values()
    held.policy = '{"v":1,\r\t"rules":[], "name":"a\u009b2Jb\u202ec\u2028d"}\r\n'.encode()
    shown = trusted("wallet", "policy", "show").stdout
    assert shown == '{"v":1,\n\t"rules":[], "name":"a\\u009b2Jb\\u202ec\\u2028d"}\n'
    assert json.loads(shown) == json.loads(held.policy)
    proposed = ChangePolicy(held.known.wallet, held.policy, 1).encode()
    waits = Proposal(
        bytes(32), held.known.wallet, "policy", bytes(32), proposed, bytes(32), 1, (), (), 2**50
    )
    server.waiting[bytes(32)] = waits
    listed = trusted("wallet", "proposals").stdout
    assert r"a\u009b2Jb\u202ec\u2028d" in listed
    assert all(line.isprintable() for line in listed.split("\n"))


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
    asked = Sign(held.known.accounts[0].address, "transaction", "json-rpc", PAYMENT, False, "")
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
