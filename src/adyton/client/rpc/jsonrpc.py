"""JSON-RPC 2.0: calls out of messages, answers, and how an error is told so that programs understand it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from adyton.client.rpc.signer import AwaitingApproval, Refused, Unanswered
from adyton.core.errors import (
    Error,
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)

PARSE: Final = -32700
INVALID: Final = -32600
UNKNOWN: Final = -32601
PARAMS: Final = -32602
INTERNAL: Final = -32603
SERVER: Final = -32000
UNAVAILABLE: Final = -32002
LIMIT: Final = -32005  # EIP-1474
DENIED: Final = 4001  # EIP-1193: the user has refused it; here the policy or a cap
UNAUTHORIZED: Final = 4100
OTHER_CHAIN: Final = 4901
_ID: Final = 256


class RpcError(UsageError):
    """An error with the number that programs know it by.

    Args:
        number: of JSON-RPC, EIP-1474 or EIP-1193.
        message: for people; what to do next.
        data: for programs.
        code: ours.
    """

    def __init__(
        self, number: int, message: str, data: Any = None, *, code: str = "bad_argument"
    ) -> None:
        super().__init__(code, message)
        self.number = number
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.number, self.message, self.data, self.code)


def _remade(kind: type[RpcError], number: int, message: str, data: Any, code: str) -> RpcError:
    return kind(number, message, data, code=code)


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        method: name.
        params: in order.
        id: that the answer repeats.
        wants_answer: False for a notification, which has no id.
    """

    method: str
    params: list[Any]
    id: str | int | float | None
    wants_answer: bool


def read_call(value: Any) -> Call:
    """Return the call that a JSON value is.

    Raises:
        RpcError: it is none.
    """
    if type(value) is not dict or value.get("jsonrpc") != "2.0":
        raise RpcError(INVALID, 'a call is an object with "jsonrpc": "2.0"')
    if type(value.get("method")) is not str:
        raise RpcError(INVALID, "a call names its method")
    if set(value) - {"jsonrpc", "method", "params", "id"}:
        raise RpcError(INVALID, "a call has jsonrpc, method, params and id, and nothing else")
    if not _is_id(value.get("id")):
        raise RpcError(INVALID, "the id of a call is a short string, a number or null")
    params = value.get("params")
    if params is not None and type(params) is not list:
        raise RpcError(PARAMS, "params are a list, in the method's order")
    return Call(value["method"], params or [], value.get("id"), "id" in value)


def id_of(value: Any) -> Any:
    """Return the id with which a value that is no call is answered; null where it has none."""
    found = value.get("id") if type(value) is dict else None
    return found if _is_id(found) else None


def _is_id(value: Any) -> bool:
    if type(value) is str:
        return len(value) <= _ID
    return value is None or type(value) in (int, float)


def result_answer(id_: Any, result: Any) -> dict[str, Any]:
    """Return the answer of a call that was carried out."""
    return {"jsonrpc": "2.0", "id": id_, "result": result}


def error_answer(id_: Any, problem: Error) -> dict[str, Any]:
    """Return the answer of a call that was not."""
    return {"jsonrpc": "2.0", "id": id_, "error": error_object(problem)}


def error_object(problem: Error) -> dict[str, Any]:
    """Return an error's number, text and data.

    The texts keep words that ethers looks for: "user denied", "nonce too low", "insufficient funds".
    """
    number, message, data = _told(problem)
    told: dict[str, Any] = {"code": number, "message": message}
    if data is not None:
        told["data"] = data
    return told


def _told(problem: Error) -> tuple[int, str, Any]:
    data: dict[str, Any] = {"code": problem.code}
    if isinstance(problem, RpcError):
        return problem.number, problem.message, problem.data
    if isinstance(problem, Refused):
        data |= {"rule": problem.rule, "reason": problem.message}
        return DENIED, f"user denied by policy: {problem.message}", data
    if isinstance(problem, AwaitingApproval):
        data |= {"proposal": "0x" + problem.proposal.hex(), "missing": problem.missing}
        data["rule"] = problem.rule
        return UNAUTHORIZED, problem.message, data
    if isinstance(problem, Unanswered):
        return SERVER, problem.message, data | {"signed": None}
    if problem.code == "nonce_used":
        return SERVER, f"nonce too low: {problem.message}", data
    if problem.code == "wrong_chain":
        return OTHER_CHAIN, problem.message, data
    if problem.code == "payment_refused":
        return DENIED, f"user denied: {problem.message}", data
    for kind, number in (
        (PolicyError, UNAUTHORIZED),
        (UsageError, PARAMS),
        (MalformedError, PARAMS),
        (UnavailableError, UNAVAILABLE),
        (VerificationError, INTERNAL),
    ):
        if isinstance(problem, kind):
            return number, problem.message, data
    return INTERNAL, "internal error of the facade; its log names it", data
