"""Calls are read strictly, and errors are told in numbers and words that programs know."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from adyton.client.rpc.jsonrpc import RpcError, error_object, id_of, read_call
from adyton.client.rpc.signer import AwaitingApproval, Refused
from adyton.core.errors import (
    Error,
    InvariantError,
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)


def test_a_call() -> None:
    call = read_call({"jsonrpc": "2.0", "id": "a", "method": "m", "params": [1]})
    assert (call.method, call.params, call.id, call.wants_answer) == ("m", [1], "a", True)
    assert not read_call({"jsonrpc": "2.0", "method": "m"}).wants_answer
    assert read_call({"jsonrpc": "2.0", "id": None, "method": "m"}).wants_answer


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, -32600),
        (None, -32600),
        ([], -32600),
        ({}, -32600),
        ({"jsonrpc": "1.0", "method": "m", "id": 1}, -32600),
        ({"method": "m", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "method": 7, "id": 1}, -32600),
        ({"jsonrpc": "2.0", "method": "m", "id": []}, -32600),
        ({"jsonrpc": "2.0", "method": "m", "id": True}, -32600),
        ({"jsonrpc": "2.0", "method": "m", "id": "x" * 257}, -32600),
        ({"jsonrpc": "2.0", "method": "m", "id": 1, "extra": 1}, -32600),
        ({"jsonrpc": "2.0", "method": "m", "id": 1, "params": {"a": 1}}, -32602),
        ({"jsonrpc": "2.0", "method": "m", "id": 1, "params": "0x"}, -32602),
    ],
)
def test_what_is_no_call(value: Any, number: int) -> None:
    with pytest.raises(RpcError) as caught:
        read_call(value)
    assert caught.value.number == number


def test_the_id_of_a_bad_call_is_answered() -> None:
    assert id_of({"id": 5}) == 5
    assert id_of({"id": [5]}) is None
    assert id_of(5) is None


@pytest.mark.parametrize(
    ("problem", "number", "word"),
    [
        (Refused("over the limit", "r"), 4001, "user denied"),
        (PolicyError("payment_refused", "its gas is over --max-gas"), 4001, "user denied"),
        (AwaitingApproval(bytes(32), 1), 4100, "1 approval missing"),
        (PolicyError("not_trusted", "no fingerprint"), 4100, "no fingerprint"),
        (UsageError("nonce_used", "it was used"), -32000, "nonce too low"),
        (VerificationError("wrong_chain", "another chain"), 4901, "another chain"),
        (UsageError("bad_argument", "value is odd"), -32602, "value is odd"),
        (MalformedError("too_large", "data is over"), -32602, "data is over"),
        (UnavailableError("timeout", "no answer"), -32002, "no answer"),
        (VerificationError("answer_invalid", "no answer"), -32603, "no answer"),
    ],
)
def test_errors_have_numbers_and_words(problem: Error, number: int, word: str) -> None:
    told = error_object(problem)
    assert told["code"] == number
    assert word in told["message"]
    assert told["data"]["code"] == problem.code


def test_a_defect_tells_nothing_of_itself() -> None:
    told = error_object(InvariantError("invariant", "key 1234 at 0x55"))
    assert (told["code"], told["data"]) == (-32603, {"code": "invariant"})
    assert "1234" not in told["message"]


@pytest.mark.parametrize(
    "problem",
    [Refused("no", "r"), AwaitingApproval(b"\1" * 32, 2, "r"), RpcError(-32000, "x", [1])],
)
def test_errors_can_be_sent_between_processes(problem: Error) -> None:
    back = pickle.loads(pickle.dumps(problem))
    assert error_object(back) == error_object(problem)
