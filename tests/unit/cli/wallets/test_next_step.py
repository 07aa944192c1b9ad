"""What somebody new is told: which option is missing, what the words of a payment mean, what waits for them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.adversary.wallet_server import Held, WalletServer
from tests.unit.cli.conftest import Adyton
from tests.unit.cli.wallets.conftest import FEES, PAY, TOKEN, VENDOR, fails


def test_a_payment_of_a_token_says_which_token_how_much_and_to_whom(
    trusted: Adyton, own: str
) -> None:
    token = ("--token", TOKEN, "--amount", "5000", "--gas", "60000")
    said = trusted("wallet", "send", "--to", VENDOR, *token, "--chain", "4", *FEES).stderr
    assert f"token 5000 (smallest unit) of {TOKEN} to {VENDOR} (in @receivers)" in said
    assert "fee at most" in said
    assert "policy   no rule allows it" in said


def test_without_a_policy_it_is_said_how_to_set_one(trusted: Adyton) -> None:
    trusted("wallet", "new")
    assert "`adyton wallet policy set FILE`" in trusted("wallet", "send", *PAY).stderr


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("wallet", "policy", "check", "--to", VENDOR, "--value", "1", "--chain", "4"), "--gas-price"),
        (("wallet", "nonce"), "1 for the main chain"),
        (("wallet", "import"), "--key-file"),
        (("wallet", "import", "--phrase"), "--phrase-file"),
        (("wallet", "export", "--out", "key.json"), "--password-file"),
        (("wallet", "replace", "--chain", "4", "--nonce", "7"), "with --to and --value"),
        (("wallet", "show", "deadbeef"), "`adyton wallet list` shows them"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    trusted: Adyton, own: str, given: tuple[str, ...], words: str
) -> None:
    said = trusted(*given)
    assert said.status == 2
    assert words in said.stderr
    assert "--node" not in said.stderr
    assert said.stderr.count("`adyton wallet list`") <= 1


def test_a_wrong_line_names_the_help(trusted: Adyton) -> None:
    for given, named in (
        (("wallet",), "wallet"),
        (("wallet", "approve"), "wallet approve"),
        (("gateway", "mqtt"), "gateway mqtt"),
        (("wallet", "send", "--wait", "x"), "wallet send"),
    ):
        said = trusted(*given)
        assert said.status == 2
        assert f"`adyton {named} --help`" in said.stderr


def test_what_waits_is_listed_of_all_wallets(
    trusted: Adyton, own: str, server: WalletServer
) -> None:
    server.approvals = 2
    first = trusted("wallet", "send", *PAY, "--json").json()["proposal"]
    second = trusted("wallet", "new", "--json").json()
    assert fails(trusted("wallet", "show", "--json")) == (2, "usage")  # several could be meant
    other = trusted("wallet", "send", "--from", second["address"], *PAY, "--json").json()[
        "proposal"
    ]
    listed = trusted("wallet", "proposals", "--json").json()["proposals"]
    assert {one["proposal"] for one in listed} == {first, other}
    assert {one["wallet"] for one in listed if one["proposal"] == other} == {second["wallet"]}
    (one,) = trusted("wallet", "proposals", second["address"], "--json").json()["proposals"]
    assert one["proposal"] == other


def test_who_is_named_by_very_many_is_told_where_the_listing_ends(
    trusted: Adyton, own: str, server: WalletServer
) -> None:
    known = next(iter(server.held.values())).known
    for at in range(120):
        name = bytes([9, at]).ljust(32, b"\7")
        told = replace(known, wallet=name, owner=b"\5" * 32, height=50 + at)
        server.held[name] = Held(told, [], b"")
    said = trusted("wallet", "proposals")
    assert said.status == 0
    assert "only the first 100 wallets were looked through" in said.stderr


@pytest.mark.parametrize(
    ("value", "approvals", "question"),
    [
        ("1", None, "sign it? [y/N]"),
        ("1", {"m": 1, "of": "@people"}, "ask for the approvals? [y/N]"),
        ("1ether", None, "it would be refused; ask all the same? [y/N]"),
    ],
)
def test_the_question_says_what_a_yes_does(
    trusted: Adyton,
    policy: str,
    server: WalletServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    approvals: dict[str, object] | None,
    question: str,
) -> None:
    given = json.loads((tmp_path / policy).read_text())
    if approvals is not None:
        given |= {"clients": {"ann": "11" * 32}}
        given["sets"]["people"] = ["ann"]
        given["rules"][1]["approvals"] = approvals
    (tmp_path / policy).write_text(json.dumps(given))
    trusted("wallet", "new", "--policy", policy)
    before = len(server.recorded)
    monkeypatch.setattr("adyton.cli.wallet_intent._somebody", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    said = trusted("wallet", "send", "--to", VENDOR, "--value", value, "--chain", "4", *FEES)
    assert (said.status, len(server.recorded)) == (2, before)
    assert question in said.stderr
