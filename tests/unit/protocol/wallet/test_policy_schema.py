"""The published schema names what the reader knows, takes what the reader takes, and refuses other forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.protocol.wallet import (
    policy_reader,
    policy_rules,
    rule,
    rule_call,
    rule_limits,
    rule_typed,
    rule_when,
)
from adyton.protocol.wallet.comparisons import EQUALITY, ORDER, SIZE
from adyton.protocol.wallet.intent import METHODS
from fuzz.targets.wallet import TARGETS
from tests.policy_kit import BASE, address, allow, deny, policy_json
from tests.schema_subset import holds

FILE = Path(__file__).resolve().parents[4] / "docs/spec/wallet-policy.schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
DEFS = SCHEMA["$defs"]


def accepts(value: Any) -> bool:
    return holds(SCHEMA, value, SCHEMA)


def names(of: dict[str, Any]) -> set[str]:
    return set(of["properties"])


def test_it_names_what_the_reader_knows() -> None:
    assert names(SCHEMA) == set(policy_reader.FIELDS)
    assert names(DEFS["rule"]) == set(policy_rules.FIELDS)
    assert names(DEFS["when"]) == set(rule_when.FIELDS)
    assert names(DEFS["call"]) == set(rule_call.FIELDS)
    assert names(DEFS["typedData"]) == set(rule_typed.FIELDS)
    assert names(DEFS["message"]) == set(policy_rules.MESSAGE_FIELDS)
    assert names(DEFS["limit"]) == set(rule_limits.FIELDS)
    assert names(DEFS["approvals"]) == set(rule_limits.APPROVALS)
    assert names(DEFS["tests"]["anyOf"][1]) == {*EQUALITY, *ORDER, SIZE}
    assert names(DEFS["integerTests"]["anyOf"][1]) == {*EQUALITY, *ORDER}
    assert names(DEFS["addressTests"]["anyOf"][1]) == set(EQUALITY)
    assert DEFS["rule"]["properties"]["method"]["items"]["enum"] == list(METHODS)
    assert DEFS["limit"]["properties"]["per"]["enum"] == list(rule.SUBJECTS)


def test_its_bounds_are_the_readers() -> None:
    members = SCHEMA["properties"]
    assert members["rules"]["maxItems"] == limits.WALLET_RULES
    assert members["clients"]["maxProperties"] == limits.WALLET_CLIENTS
    assert members["sets"]["maxProperties"] == limits.WALLET_SETS
    assert members["sets"]["additionalProperties"]["maxItems"] == limits.WALLET_SET_ITEMS
    assert DEFS["limits"]["maxItems"] == limits.WALLET_LIMITS
    assert DEFS["call"]["properties"]["abi"]["maxLength"] == limits.ABI_SIGNATURE


def test_it_takes_every_policy_of_the_corpus_that_is_read() -> None:
    seeds = list(TARGETS[0].seeds())
    assert len(seeds) == 5
    for seed in seeds:
        policy_reader.read_policy(seed)
        assert accepts(json.loads(seed))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"v": 1},
        {"v": True, "rules": []},
        {"v": 2, "rules": []},
        {**BASE, "rules": {}},
        {**BASE, "rules": [], "rule": []},
        {**BASE, "rules": [], "time": "gps"},
        {**BASE, "rules": [], "export": "alice"},
        {**BASE, "rules": [], "clients": {"a": "00"}},
        {**BASE, "rules": [], "sets": {"s": [address(1), "alice"]}},
        policy_json(allow(id="a b")),
        policy_json(allow(effect="permit")),
        policy_json(allow(method=["sign"])),
        policy_json(allow(when={"price": 1})),
        policy_json(allow(when={"value": 5})),
        policy_json(allow(when={"value": {}})),
        policy_json(allow(when={"value": {"lte": "1.5"}})),
        policy_json(allow(when={"value": {"lte": "0x00"}})),
        policy_json(allow(when={"to": {"lte": 5}})),
        policy_json(allow(when={"data": {"lte": 5}})),
        policy_json(deny(call={"to": "any"})),
        policy_json(deny(typedData={"fields": []})),
        policy_json(deny(message={})),
        policy_json(allow(limits=[{"window": 1, "max": 1}])),
        policy_json(allow(limits=[{"sum": "fee", "count": True, "window": 1, "max": 1}])),
        policy_json(allow(limits=[{"sum": "gas", "window": 1, "max": 1}])),
        policy_json(allow(approvals={"m": 1, "of": "treasury"})),
    ],
)
def test_it_refuses_what_the_reader_refuses(value: Any) -> None:
    with pytest.raises(UsageError):
        policy_reader.read_policy(json.dumps(value).encode())
    assert not accepts(value)
