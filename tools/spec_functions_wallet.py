"""What the vectors of wallets call; see `spec_functions.py`."""

import json
from typing import Any

from adyton.client.wallet_receipt import verify_wallet_receipt
from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.messages import read_message
from adyton.protocol.ethereum.transaction_json import read_transaction
from adyton.protocol.ethereum.typed_data import read_typed_data
from adyton.protocol.wallet.decision import decide
from adyton.protocol.wallet.intent import MESSAGE, TYPED_DATA, Intent
from adyton.protocol.wallet.policy_reader import read_policy
from adyton.protocol.wallet.requests import proposal_digest, proposal_id, wallet_id
from adyton.protocol.wallet.windows import Window, decode_windows, encode_windows
from tools.spec_policy import policy_of

Given = dict[str, Any]
_Hex = bytes.fromhex


def _wallet_names(given: Given) -> Given:
    content = proposal_digest(
        _Hex(given["wallet"]),
        given["method"],
        _Hex(given["client"]),
        _Hex(given["policy_hash"]),
        _Hex(given["content"]),
    )
    exec_id = _Hex(given["exec_id"])
    if len(exec_id) != 32:
        raise UsageError("bad_argument", "an execution's name has 32 bytes")
    return {
        "wallet": wallet_id(exec_id, _Hex(given["client"])).hex(),
        "proposal": proposal_id(exec_id).hex(),
        "content": content.hex(),
    }


def _read_wallet_policy(given: Given) -> Given:
    policy = read_policy(given["text"].encode())
    return {
        "hash": policy.hash.hex(),
        "needs_time": policy.needs_time,
        "clients": [key.hex() for key in sorted(policy.known)],
    }


def intent_of(given: Given) -> Intent:
    """Return what a document asks to be signed, all of it said."""
    account, method = _Hex(given["account"]), given["method"]
    document = json.loads(given["document"])
    if method == MESSAGE:
        return Intent(method, account, message=read_message(document["message"]))
    if method == TYPED_DATA:
        return Intent(method, account, typed=read_typed_data(document))
    return Intent(method, account, transaction=read_transaction(document))


def _decide(given: Given) -> Given:
    policy = read_policy(given["text"].encode())
    decision = decide(
        policy,
        intent_of(given),
        _Hex(given["client"]),
        _Hex(given["owner"]),
        lambda _: given["used"],
    )
    return {
        "effect": decision.effect,
        "rule": decision.rule,
        "charges": {
            charge.meter.key.hex(): str(charge.amount)
            for charge in sorted(decision.charges, key=lambda one: one.meter.key)
        },
    }


def _window(given: Given) -> Given:
    if not 1 <= given["window_s"] <= limits.WALLET_WINDOW_S:
        raise UsageError("bad_argument", "no window of this length")
    window = Window(given["window_s"])
    for now_s, amount in given["added"]:
        window = window.added(now_s, amount)
    [window] = decode_windows(encode_windows({bytes(32): window})).values()
    return {"used": [str(window.used(now_s)) for now_s in given["asked"]]}


def _verify_wallet_receipt(given: Given) -> Given:
    verdict = verify_wallet_receipt(
        _Hex(given["receipt"]), policy=policy_of(given), now_ms=given["now_ms"]
    )
    return {
        "height": verdict.accepted_height,
        "task_hash": verdict.task_hash.hex(),
        "shown": dict(verdict.shown),
        "closed": list(verdict.closed),
    }
