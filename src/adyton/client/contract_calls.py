"""One deployment, call or upgrade: what comes back of it, and what that is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adyton.client.contract_interface import Interface, Method
from adyton.client.exchange import Accepted
from adyton.client.session import Session
from adyton.core.errors import GuestError, MalformedError, VerificationError
from adyton.protocol.claims import CONTRACT_FIELDS, claims_digest, commit
from adyton.protocol.contract import ContractEntry, Result


@dataclass(frozen=True)
class Called:
    """A deployment, call or upgrade that was carried out and recorded, all of it verified.

    Attributes:
        accepted: entry, response and keys.
        result: opened; its status is `done`.
        value: the output as the interface description says it; None without one, or without an output.
        entry: what everybody may read of it; None where that is nothing.
        fields: value of each of `claims.CONTRACT_FIELDS`, as the entry commits to them.
    """

    accepted: Accepted
    result: Result
    value: Any
    entry: ContractEntry | None
    fields: Mapping[str, bytes]


class ContractFailed(GuestError):
    """The contract did not carry out the call; nothing of it stays but its cost.

    Attributes:
        result: status, reason, usage and logs.
        called: the same with its proof; None of a query.
    """

    def __init__(self, result: Result, called: Called | None = None) -> None:
        reason = result.reason or "no reason given"
        super().__init__("call_failed", f"{result.status.replace('_', ' ')}: {reason}")
        self.result = result
        self.called = called


class AnswerUnreadable(MalformedError):
    """What came back is not what the interface description says; the call is carried out all the same.

    Attributes:
        result: status, output, usage and logs.
        called: the same with its proof, its value None; None of a query.
    """

    def __init__(self, reason: str, result: Result, called: Called | None = None) -> None:
        super().__init__("interface", f"the call is carried out, but {reason}")
        self.result = result
        self.called = called


@dataclass(frozen=True)
class Reader:
    """How an answer is read: by the interface description of this code, and of no other.

    Attributes:
        interface: None where nothing is said of the method.
        shape: of the method.
        code: hash of the code that the description is of, 32 bytes.
    """

    interface: Interface | None
    shape: Method
    code: bytes

    def read(self, result: Result) -> tuple[Any, str | None]:
        """Return the value, or why there is none."""
        if result.code_hash != self.code:
            return None, "by other code than was described; describe the contract again"
        if self.interface is None:
            return result.output, None
        try:
            return self.interface.decode(self.shape, result.output), None
        except MalformedError as problem:
            return (
                None,
                f"its answer is not of the type that its description says: {problem.message}",
            )


@dataclass(frozen=True)
class Asked:
    """What an answer is held to.

    Attributes:
        address: of the contract; None where it is made.
        method: `init`, `migrate` or a call's name.
        given: its input.
        reader: of what comes back.
    """

    address: bytes | None
    method: str
    given: bytes
    reader: Reader


def carry_out(session: Session, send: Callable[[], Accepted], asked: Asked) -> Called:
    """Have it carried out and recorded, and hold the entry's commitments against what came back.

    Args:
        session: who asks.
        send: returns the proven acceptance of the request.
        asked: what the answer is held to.

    Raises:
        ContractFailed, AnswerUnreadable: with the proof. VerificationError: another answer than was asked for.
        Error: as `Session.request`.
    """
    accepted = send()
    result = Result.decode(accepted.response.result)
    if asked.address not in (None, result.address):
        raise VerificationError("answer_invalid", "the answer of another contract")
    fields = {
        "address": result.address,
        "code_hash": result.code_hash,
        "method": asked.method.encode(),
        "caller": session.keystore.identity.signing_key.public,
        "input": asked.given,
        "status": result.status.encode(),
        "output": result.output,
        "usage": result.usage.encode(),
    }
    part = accepted.entry.part
    commitments = commit(CONTRACT_FIELDS, fields, accepted.result_key, accepted.exec_id)
    if claims_digest(commitments) != part.claims:
        raise VerificationError("answer_invalid", "the entry does not commit to this call")
    entry = None if part.body is None else ContractEntry.decode(part.body)
    if result.status != "done":
        raise ContractFailed(result, Called(accepted, result, None, entry, fields))
    value, reason = asked.reader.read(result)
    called = Called(accepted, result, value, entry, fields)
    if reason is not None:
        raise AnswerUnreadable(reason, result, called)
    return called
