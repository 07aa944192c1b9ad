"""The page on JSON-RPC says what the facade does: its methods, its reads, its errors."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adyton.client.rpc import jsonrpc
from adyton.client.rpc.jsonrpc import error_answer
from adyton.client.rpc.reads import RAW, READS
from adyton.client.rpc.signer import Refused
from tests.unit.client.rpc.parts import parts

PAGE = Path(__file__).resolve().parents[4] / "docs/spec/wallet-rpc.md"


def part(name: str) -> str:
    """Return what stands between a mark and the next heading or mark."""
    found = PAGE.read_text().split(f"<!-- {name}: compared by a test -->\n", 1)[1]
    return re.split(r"\n\n(?=\S)", found, maxsplit=1)[0]


def names(text: str) -> list[str]:
    return re.findall(r"`([a-z0-9]+_[A-Za-z0-9_]+)`", text)


def test_the_example_is_what_a_refusal_is_told_as() -> None:
    shown = json.loads(part("rpc-refusal").removeprefix("```json").removesuffix("```"))
    assert shown == error_answer(7, Refused("rule 'no-inf' denies it", "no-inf"))


def test_the_methods_are_those_that_are_answered_here(tmp_path: Path) -> None:
    made = parts(tmp_path)
    rows = [row.split("|")[1] for row in part("rpc-own").splitlines()[2:]]
    told = [name for row in rows for name in names(row)]
    assert set(told) == set(made.methods.own)
    assert len(told) == len(set(told))


def test_the_reads_are_those_that_are_passed_on(tmp_path: Path) -> None:
    told = part("rpc-reads").removeprefix("```text").removesuffix("```").split()
    assert told == sorted(READS)
    made = parts(tmp_path, raw=False)
    for method in ("eth_mining", "eth_signTypedData_v3", "personal_unlockAccount", RAW):
        assert method not in told
        with pytest.raises(jsonrpc.RpcError) as refusal:
            made.call(method)
        assert refusal.value.number == jsonrpc.UNKNOWN


def test_the_errors_are_those_that_there_are() -> None:
    rows = [row.split("|")[1] for row in part("rpc-errors").splitlines()[2:]]
    told = {int(number) for row in rows for number in row.split(",")}
    known = {name: value for name, value in vars(jsonrpc).items() if type(value) is int}
    assert told == {value for name, value in known.items() if not name.startswith("_")}
