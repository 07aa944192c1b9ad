"""What decides whether a wallet signs: its policy, which a client writes, and calldata."""

from __future__ import annotations

import json
from typing import Any

from adyton.core import limits
from adyton.protocol.wallet.abi import decode_call
from adyton.protocol.wallet.abi_types import read_signature
from adyton.protocol.wallet.decision import decide
from adyton.protocol.wallet.describe import describe
from adyton.protocol.wallet.explain import explain
from adyton.protocol.wallet.policy import DENY
from adyton.protocol.wallet.policy_reader import read_policy
from fuzz.target import Target, refused_or, require
from tests.abi_encoder import encode_call
from tests.policy_kit import (
    ALICE,
    OWNER,
    TOKEN,
    address,
    allow,
    approve,
    cancel,
    deny,
    message,
    permit,
    permit2,
    policy_json,
    transaction,
    transfer,
    typed,
)

_INTENTS = (
    transaction(value=5),
    transaction(TOKEN, data=transfer()),
    transaction(TOKEN, data=approve() + b"\0"),
    transaction(None, data=b"\x60"),
    cancel(),
    message(b"abc"),
    typed(permit()),
    typed(permit2(1, 2)),
)
_CALL = {"to": "@tokens", "abi": "transfer(address to, uint256 amount)"}
_SIGNATURES = (
    "transfer(address,uint256)",
    "f((address token, uint8[2] x)[] path, bytes data, bool)",
    "g(string[],int24,bytes4)",
)


def wallet_policy(data: bytes) -> None:
    """A policy: one decision for each intent, explained as it is made."""
    policy = refused_or(lambda: read_policy(data))
    if policy is None:
        return
    again = read_policy(data)
    for intent in _INTENTS:
        for client in (OWNER, ALICE):
            decision = decide(policy, intent, client, OWNER, lambda _: 0)
            require(
                decision == decide(again, intent, client, OWNER, lambda _: 0),
                "a policy decides in one way",
            )
            require(bool(policy.rules) or decision.effect == DENY, "nothing is allowed by default")
            lines = explain(policy, intent, client, OWNER, lambda _: 0)
            require(
                lines[-1].condition == f"{decision.effect}: {decision.reason}",
                "an explanation ends in the decision",
            )
        require(all(map(str.isprintable, describe(policy, intent))), "descriptions are printable")


def abi(data: bytes) -> None:
    """A function's signature, then calldata of it: one encoding of each value."""
    text, _, calldata = data.partition(b"\0")
    signature = refused_or(lambda: read_signature(text.decode("utf-8", "replace"), "abi"))
    if signature is None:
        return
    again = read_signature(signature.text, "abi")
    require(again.selector == signature.selector, "a canonical signature is of the same function")
    arguments = refused_or(lambda: decode_call(signature, signature.selector + calldata))
    if arguments is not None:
        require(
            encode_call(signature, arguments) == signature.selector + calldata,
            "arguments have one encoding",
        )


def _policies() -> list[bytes]:
    fields = dict.fromkeys(("owner", "spender", "nonce", "deadline"), "any")
    rules: list[list[dict[str, Any]]] = [
        [],
        [
            allow("pay", type=[2], when={"to": {"in": "@vendors"}, "fee": {"lte": "0xffff"}}),
            allow(
                "make", when={"create": True, "data": {"size": {"lt": 9}}, "maxCost": {"lte": 5}}
            ),
            deny(who=["alice"], chain=[2]),
        ],
        [
            allow(
                call={**_CALL, "args": {"to": {"notIn": [address(9)]}, "1": {"lt": "MAX"}}},
                limits=[{"sum": "arg:1", "window": 60, "max": 5, "per": "to", "name": "n"}],
                approvals={"m": 2, "of": "@treasury", "within": 60},
            ),
            deny(call={"abi": "approve(address,uint256)", "args": {"1": {"gte": 1}}}),
        ],
        [
            allow(
                when=None,
                typedData={
                    "contract": "any",
                    "primaryType": "Permit",
                    "fields": {**fields, "value": {"lte": 100}},
                },
                limits=[{"sum": "field:value", "window": 60, "max": 99}],
            ),
            deny(typedData={"fields": {"details.*.amount": {"eq": "MAX"}}}),
            allow("say", message={"prefix": "a", "hex": {"lte": 3}}, when=None, chain=None),
        ],
    ]
    members = {
        "name": "n",
        "time": "host",
        "limits": [{"count": True, "window": 60, "max": 9}],
        "changes": {"m": 1, "of": "@treasury"},
        "export": "owner",
    }
    made = [json.dumps(policy_json(*some)).encode() for some in rules]
    return [*made, json.dumps(policy_json(**members)).encode()]


def _calldata() -> list[bytes]:
    values: tuple[tuple[Any, ...], ...] = (
        (bytes(20), 5),
        (((bytes(20), (1, 2)),), b"abc", True),
        (("a", ""), -5, b"1234"),
    )
    made = []
    for text, arguments in zip(_SIGNATURES, values, strict=True):
        call = encode_call(read_signature(text, "abi"), arguments)
        made.append(text.encode() + b"\0" + call[4:])
    return made


TARGETS = (
    Target("wallet_policy", wallet_policy, _policies, most=limits.WALLET_POLICY // 8),
    Target("abi", abi, _calldata),
)
