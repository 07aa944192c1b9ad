"""`adyton wallet rpc`: what its options stand for, and what it prints once it listens."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from adyton.cli.output import Output
from adyton.cli.wallet_rpc import add_verb, rpc_settings, say
from adyton.client.rpc.caps import ETHER, GWEI, Caps
from adyton.client.rpc.gate import Gate
from adyton.client.rpc.server import RpcFacts, RpcSettings
from adyton.core.errors import UsageError

ACCOUNT = "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"


def parsed(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_verb(parser.add_subparsers())
    return parser.parse_args(
        ["rpc", "--node", "http://node.example", "--home", "/nowhere", *options]
    )


def settings(*options: str) -> RpcSettings:
    return rpc_settings(parsed(*options))


def test_without_options_it_is_careful() -> None:
    assert settings() == RpcSettings(
        node="http://node.example",
        journal=Path("/nowhere/rpc"),
        host="127.0.0.1",
        port=8545,
        chain_id=None,
        caps=Caps(10_000_000, 200 * GWEI, 10 * GWEI, ETHER // 10),
        gate=Gate(),
        accounts=(),
        raw=True,
        sync_nonce=False,
    )


def test_options_are_taken(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    token.chmod(0o600)
    made = settings(
        *("--listen", "[::1]:0", "--chain", "5", "--account", ACCOUNT.lower(), "--no-raw"),
        *("--max-gas", "21000", "--max-fee-gwei", "1.5", "--max-tip-gwei", "0.1"),
        *("--max-gas-cost", "0.02", "--sync-nonce", "--token-file", str(token)),
        *("--allow-origin", "https://a.example", "--allow-origin", "https://b.example"),
        *("--allow-host", "Wallet.Internal"),
    )
    assert (made.host, made.port, made.chain_id) == ("::1", 0, 5)
    assert made.accounts == (bytes.fromhex(ACCOUNT[2:]),)
    assert (made.raw, made.sync_nonce) == (False, True)
    assert made.caps == Caps(21_000, 3 * GWEI // 2, GWEI // 10, ETHER // 50)
    assert made.gate == Gate(
        hosts=frozenset({"wallet.internal"}),
        origins=frozenset({"https://a.example", "https://b.example"}),
        token=b"0123456789abcdef",
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--listen", "::1:80"], None),
        (["--listen", "localhost"], "HOST:PORT"),
        (["--listen", ":80"], "HOST:PORT"),
        (["--listen", "localhost:-1"], "HOST:PORT"),
        (["--listen", "localhost:٣"], "HOST:PORT"),
        (["--listen", "localhost:65536"], "HOST:PORT"),
        (["--chain", "-1"], "--chain"),
        (["--chain", str(2**64)], "--chain"),
        (["--max-gas", "20999"], "--max-gas"),
        (["--max-gas", str(2**64)], "--max-gas"),
        (["--max-fee-gwei", ""], "--max-fee-gwei"),
        (["--max-tip-gwei", "0.0000000001"], "--max-tip-gwei"),
        (["--max-gas-cost", "1/2"], "--max-gas-cost"),
        (["--account", ACCOUNT[:-1] + "2"], "checksum"),
    ],
)
def test_options_that_cannot_be_are_named(options: list[str], text: str | None) -> None:
    if text is None:
        assert settings(*options).host == "::1"
        return
    with pytest.raises(UsageError, match=text):
        settings(*options)


@pytest.mark.parametrize(
    ("content", "mode", "text"),
    [
        (None, 0, "no token in"),
        ("0123456789abcdef", 0o644, "others may use"),
        ("short", 0o600, "at least 16"),
        ("x" * 5000, 0o600, "damaged"),
    ],
)
def test_a_token_that_is_none_is_named(
    tmp_path: Path, content: str | None, mode: int, text: str
) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
        token.chmod(mode)
    with pytest.raises(UsageError, match=text):
        settings("--token-file", str(token))


FACTS = RpcFacts("http://127.0.0.1:9", 9, 5, (bytes.fromhex(ACCOUNT[2:]),), 2, lambda: None)


def test_programs_are_told_where_it_listens(capsys: pytest.CaptureFixture[str]) -> None:
    say(FACTS, Output(as_json=True))
    told: Any = json.loads(capsys.readouterr().out)
    assert told == {
        "url": "http://127.0.0.1:9",
        "ws_url": "ws://127.0.0.1:9",
        "port": 9,
        "chain": 5,
        "accounts": [ACCOUNT],
        "waiting": 2,
    }


def test_people_are_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    say(FACTS, Output(as_json=False))
    said = capsys.readouterr()
    assert said.out == f"listening: http://127.0.0.1:9\nchain: 5\naccount: {ACCOUNT}\n"
    assert "2 transactions of an earlier run are not mined yet" in said.err
