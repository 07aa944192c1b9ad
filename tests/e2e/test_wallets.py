"""`adyton wallet` with a real server: payments by policy, refusals, approvals, replacements, receipts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from adyton.client.keystore_v3 import decrypt, encrypt
from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.signature import public_key
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from tests.e2e.command import Client, Server, serving, until

VENDOR = "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
FEES = ("--max-fee", "20gwei", "--tip", "1gwei")
PAY = ("--to", VENDOR, "--value", "1025", "--chain", "4", *FEES)
NewClient = Callable[[str], Client]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("wallets") / "data") as running:
        yield running


def policy(client: Client, **more: Any) -> str:
    """Write a policy that pays the vendor on chain 4, and return the file's name."""
    text = client.ok("wallet", "policy", "example", "--to", VENDOR, "--chain", "4")
    path = client.home.parent / f"{client.home.name}.policy.json"
    path.write_text(json.dumps(json.loads(text) | more))
    return str(path)


def refused(client: Client, *given: str) -> tuple[int, str, str]:
    done = client.run("wallet", *given, "--json")
    told = json.loads(done.stdout)["error"]
    return done.returncode, told["code"], told["message"]


def test_from_a_new_wallet_to_a_receipt_that_anybody_verifies(
    client: Client, tmp_path: Path
) -> None:
    made = client.json("wallet", "new")
    assert refused(client, "send", *PAY)[:2] == (5, "payment_refused")
    given = policy(client)
    assert client.json("wallet", "policy", "set", given)["version"] == 2
    seen = client.json("wallet", "policy", "check", *PAY)
    assert (seen["decision"], seen["rule"]) == ("allow", "pay")
    receipt = tmp_path / "paid.receipt"
    told = client.json("wallet", "send", *PAY, "--receipt", str(receipt))
    signed = decode_signed(bytes.fromhex(told["raw"][2:]))
    assert checksummed(signed.sender) == made["address"]
    assert (signed.transaction.value, signed.transaction.nonce) == (1025, 0)
    verdict = client.json("verify", str(receipt))
    assert verdict["shown"]["rule"] == "pay"
    assert verdict["shown"]["signature"] == told["signature"]
    copy = tmp_path / "copy.receipt"
    hide = ("verify", str(receipt), "--out", str(copy), "--redact")
    assert client.run(*hide, "document,chain,nonce").returncode == 2
    client.ok(*hide, "caller,document,chain,nonce,digest,signature")
    assert set(client.json("verify", str(copy))["shown"]) == {
        "method", "account", "status", "rule", "policy",
    }  # fmt: skip
    raw = receipt.read_bytes()
    for at in (len(raw) // 3, len(raw) // 2, len(raw) - 2):
        altered = bytearray(raw)
        altered[at] ^= 1
        receipt.write_bytes(altered)
        assert client.run("verify", str(receipt)).returncode in (3, 4)
    audit = client.json("wallet", "audit")["entries"]
    assert [one["status"] for one in audit] == ["done", "refused", "done", "signed"]
    client.ok("chain", "sync")
    assert client.json("chain", "verify")["verified"] is True


def test_a_refusal_names_rule_and_reason_and_signs_nothing(client: Client, tmp_path: Path) -> None:
    client.ok("wallet", "new", "--policy", policy(client))
    receipt = tmp_path / "no.receipt"
    over = ("--to", VENDOR, "--value", "1ether", "--chain", "4", *FEES)
    code, what, why = refused(client, "send", *over, "--receipt", str(receipt))
    assert (code, what) == (5, "payment_refused")
    assert "nearest is 'pay'" in why
    shown = client.json("verify", str(receipt))["shown"]
    assert (shown["status"], shown["signature"], shown["nonce"]) == ("refused", "", "")
    elsewhere = ("--to", VENDOR, "--value", "1", "--chain", "5", *FEES)
    assert "chain" in refused(client, "send", *elsewhere)[2]
    assert refused(client, "sign", "--message", "hello")[:2] == (5, "payment_refused")
    assert client.json("wallet", "nonce", "--chain", "4")["nonce"] == 0


def test_a_day_s_limit_is_used_up(client: Client) -> None:
    example = json.loads(client.ok("wallet", "policy", "example", "--to", VENDOR, "--chain", "4"))
    example["rules"][1]["limits"][0]["max"] = "2000"
    client.ok("wallet", "new", "--policy", policy(client, **example))
    client.ok("wallet", "send", *PAY)
    code, _, why = refused(client, "send", *PAY)
    assert (code, "no room" in why, "1025 are used" in why) == (5, True, True)
    assert client.json("wallet", "policy", "check", *PAY)["decision"] == "deny"
    (meter,) = client.json("wallet", "show")["meters"]
    assert (meter["used"], meter["maximum"], meter["window_s"]) == (1025, 2000, 86_400)


def test_nonces_replacements_and_keys(client: Client) -> None:
    own = client.json("wallet", "new", "--policy", policy(client))["address"]
    first = client.json("wallet", "send", *PAY, "--key", "order 7")
    again = client.json("wallet", "send", *PAY, "--key", "order 7")
    assert (again["raw"], again["nonce"]) == (first["raw"], 0)
    other = ("--to", VENDOR, "--value", "7", "--chain", "4", *FEES)
    assert refused(client, "send", *other, "--key", "order 7")[:2] == (2, "key_reused")
    assert refused(client, "send", *other, "--nonce", "0")[:2] == (2, "nonce_used")
    assert refused(client, "send", *other, "--nonce", "9")[:2] == (2, "nonce_used")
    low = ("--max-fee", "21gwei", "--tip", "1.1gwei")
    code, what, why = refused(client, "replace", "--chain", "4", "--nonce", "0", *low)
    assert (code, what, "a tenth more" in why) == (2, "nonce_used", True)
    told = client.json("wallet", "replace", "--chain", "4", "--nonce", "0")
    assert told["transaction"]["maxFeePerGas"] == hex(22 * 10**9)
    assert (told["nonce"], told["transaction"]["value"]) == (0, hex(1025))
    gone = client.json("wallet", "cancel", "--chain", "4", "--nonce", "0")
    assert (gone["transaction"]["to"], gone["transaction"]["value"]) == (own, "0x0")
    assert client.json("wallet", "send", *PAY)["nonce"] == 1
    client.ok("wallet", "nonce", "--chain", "4", "--raise-to", "40")
    assert client.json("wallet", "send", *PAY)["nonce"] == 40


def test_two_of_three_approve(new_client: NewClient) -> None:
    owner, *others = [new_client(name) for name in ("owner", "one", "two", "three")]
    keys = [one.json("whoami")["client_key"] for one in others]
    example = json.loads(owner.ok("wallet", "policy", "example", "--to", VENDOR, "--chain", "4"))
    example["rules"][1]["approvals"] = {"m": 2, "of": "@treasury", "within": 3600}
    example["clients"] = dict(zip(("one", "two", "three"), keys, strict=True))
    example["sets"]["treasury"] = ["one", "two", "three"]
    made = owner.json("wallet", "new", "--policy", policy(owner, **example))
    told = owner.json("wallet", "send", *PAY)
    assert (told["error"]["code"], told["missing"]) == ("approval_pending", 2)
    proposal = told["proposal"]
    assert refused(owner, "approve", proposal)[:2] == (5, "payment_refused")
    assert refused(owner, "claim", proposal)[:2] == (5, "approval_pending")
    others[0].ok("wallet", "new")  # which must not hide what another wallet wants of its owner
    (waiting,) = others[0].json("wallet", "proposals")["proposals"]
    assert any("1025 wei" in line for line in waiting["intent"])
    assert others[0].json("wallet", "approve", proposal)["missing"] == 1
    assert refused(owner, "claim", proposal)[:2] == (5, "approval_pending")
    assert refused(others[1], "claim", proposal)[0] == 5
    assert others[1].json("wallet", "approve", proposal)["missing"] == 0
    claimed = owner.json("wallet", "claim", proposal)
    signed = decode_signed(bytes.fromhex(claimed["raw"][2:]))
    assert checksummed(signed.sender) == made["address"]
    assert refused(owner, "claim", proposal)[:2] == (2, "not_found")
    later = owner.json("wallet", "send", *PAY)["proposal"]
    assert others[2].json("wallet", "reject", later)["status"] == "rejected"
    assert refused(others[0], "approve", later)[:2] == (2, "not_found")
    stranger = new_client("stranger")
    assert stranger.json("wallet", "list") == {"wallets": []}
    assert refused(stranger, "send", *PAY, "--from", made["address"])[:2] == (2, "wallet_unknown")
    assert refused(stranger, "show", made["wallet"])[:2] == (2, "wallet_unknown")


def test_a_payment_waits_for_its_approval(new_client: NewClient) -> None:
    owner, other = new_client("owner"), new_client("other")
    example = json.loads(owner.ok("wallet", "policy", "example", "--to", VENDOR, "--chain", "4"))
    example["rules"][1]["approvals"] = {"m": 1, "of": "@treasury"}
    example["clients"] = {"other": other.json("whoami")["client_key"]}
    example["sets"]["treasury"] = ["other"]
    owner.ok("wallet", "new", "--policy", policy(owner, **example))
    with ThreadPoolExecutor(1) as pool:
        paying = pool.submit(owner.json, "wallet", "send", *PAY, "--wait", "60")
        until(lambda: bool(other.json("wallet", "proposals")["proposals"]), "the proposal")
        (waiting,) = other.json("wallet", "proposals")["proposals"]
        other.ok("wallet", "approve", waiting["proposal"])
        told = paying.result(120)
    assert (told["status"], told["nonce"]) == ("signed", 0)
    late = owner.json("wallet", "send", *PAY, "--wait", "1")
    assert (late["error"]["code"], late["error"]["exit_code"]) == ("approval_pending", 5)


def test_changes_and_exports_that_others_approve(new_client: NewClient, tmp_path: Path) -> None:
    owner, other = new_client("owner"), new_client("other")
    approvals = {"m": 1, "of": "@treasury"}
    more = {
        "clients": {"other": other.json("whoami")["client_key"]},
        "sets": {"receivers": [VENDOR], "treasury": ["other"]},
        "changes": approvals,
        "export": approvals,
    }
    made = owner.json("wallet", "new", "--hd", "--policy", policy(owner, **more))
    change = owner.json("wallet", "policy", "set", policy(owner, **more, name="second"))
    assert change["error"]["code"] == "approval_pending"
    assert owner.json("wallet", "show")["version"] == 1
    other.ok("wallet", "approve", change["proposal"])
    assert owner.json("wallet", "claim", change["proposal"])["version"] == 2
    (tmp_path / "pass").write_text("pepper")
    secret = ("--out", str(tmp_path / "key.json"), "--password-file", str(tmp_path / "pass"))
    waiting = owner.json("wallet", "export", *secret)
    assert not (tmp_path / "key.json").exists()
    assert refused(owner, "claim", waiting["proposal"], *secret)[:2] == (5, "approval_pending")
    other.ok("wallet", "approve", waiting["proposal"])
    owner.ok("wallet", "claim", waiting["proposal"], *secret)
    key = decrypt((tmp_path / "key.json").read_bytes(), "pepper")
    assert checksummed(address_of(public_key(key))) == made["address"]


def test_secrets_go_in_and_out(client: Client, tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("pepper")
    key = b"\x61" * 31 + b"\x07"
    (tmp_path / "in.json").write_bytes(encrypt(key, "pepper", n=2**12))
    word = ("--password-file", str(tmp_path / "pass"))
    given = policy(client, export="owner")
    made = client.json(
        "wallet", "import", "--keystore", str(tmp_path / "in.json"), *word, "--policy", given
    )
    assert made["address"] == checksummed(address_of(public_key(key)))
    assert refused(client, "import", "--keystore", str(tmp_path / "in.json"), *word)[:2] == (
        2, "exists",
    )  # fmt: skip
    client.ok("wallet", "export", "--out", str(tmp_path / "out.json"), *word)
    assert decrypt((tmp_path / "out.json").read_bytes(), "pepper") == key
    made = client.json("wallet", "new", "--hd", "--accounts", "2", "--policy", given)
    words = tmp_path / "words"
    client.ok("wallet", "export", made["address"], "--out", str(words), "--format", "phrase")
    assert len(words.read_text().split()) == 24
    made = client.json("wallet", "new", "--accounts", "2", "--policy", given)
    second = made["addresses"][1]
    client.ok(
        "wallet", "export", second, "--out", str(tmp_path / "two.json"), *word, "--account", second
    )
    out = decrypt((tmp_path / "two.json").read_bytes(), "pepper")
    assert checksummed(address_of(public_key(out))) == second


def test_the_article_s_payment_is_signed_byte_for_byte_as_its_fields_say(
    client: Client, tmp_path: Path
) -> None:
    rule = {
        "id": "article", "effect": "allow", "chain": [4],
        "when": {"to": {"eq": VENDOR}, "value": {"lte": "5000"}, "fee": {"lte": "1000000"},
                 "data": {"size": {"lte": 64}}},
    }  # fmt: skip
    client.ok("wallet", "new", "--policy", policy(client, rules=[rule]))
    data = "fe3d61b7cd6eff03698c0303b056e0fe3116206e"
    document = {
        "nonce": "00", "gasPrice": "01", "gasLimit": "0186a0", "to": VENDOR[2:].lower(),
        "value": "0401", "data": data, "chainId": "04",
    }  # fmt: skip
    (tmp_path / "article.json").write_text(json.dumps(document))
    told = client.json(
        "wallet", "sign", "--transaction", str(tmp_path / "article.json"), "--profile", "article"
    )
    made = decode_signed(bytes.fromhex(told["raw"][2:])).transaction
    assert (made.kind, made.value, made.gas, made.max_fee) == (0, 1025, 100_000, 1)
    assert made.data == data.encode()


def test_wallets_go_on_after_a_restart(server: Server, client: Client) -> None:
    made = client.json("wallet", "new", "--policy", policy(client))
    client.ok("wallet", "send", *PAY)
    server.stop()
    server.start()
    told = client.json("wallet", "send", *PAY)
    assert (told["nonce"], told["address"]) == (1, made["address"])
    assert len(client.json("wallet", "audit")["entries"]) == 3
