"""One request to a wallet: what comes back of it, and what that is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from adyton.client.exchange import Accepted
from adyton.client.problems import error_of
from adyton.client.session import Session
from adyton.core.errors import Error, PolicyError, UsageError, VerificationError
from adyton.core.schema import Message
from adyton.protocol.claims import WALLET_FIELDS, claims_digest, commit
from adyton.protocol.padding import unpad
from adyton.protocol.wallet.answers import (
    ANSWER_LEAST,
    REFUSED,
    Answer,
    Changed,
    Exported,
    Signed,
)
from adyton.protocol.wallet.record import claimed_values
from adyton.protocol.wallet.requests import APP

Told = Signed | Changed | Exported
_TOLD: Final[tuple[type[Told], ...]] = (Signed, Changed, Exported)
_REFUSED_READS: Final = {
    "wallet_unknown": "no wallet of this client has that name or account",
    "not_found": "no open proposal of that name for this client; it may be settled, or have expired",
}
_T = TypeVar("_T", bound=Message)


@dataclass(frozen=True)
class Carried:
    """A request that a wallet has answered, recorded, all of it verified.

    Attributes:
        accepted: entry, response and keys.
        method: of the request.
        arguments: encoded.
        told: the answer; None where the request failed.
        fields: value of each of `claims.WALLET_FIELDS`, as the entry commits to them.
    """

    accepted: Accepted
    method: str
    arguments: bytes
    told: Told | None
    fields: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"<Carried {self.accepted.task_hash.hex()[:16]} {self.method}>"

    def expect(self, kind: type[_T]) -> _T:
        """Return the answer, which must be of this kind.

        Raises:
            VerificationError: it is of another.
        """
        if not isinstance(self.told, kind):
            raise invalid("the answer to another request")
        return self.told


class PaymentRefused(PolicyError):
    """The wallet's policy does not let it be signed; nothing was signed.

    Attributes:
        carried: the refusal with its proof.
        signed: which rule decided, if one did, and of which policy; None where nothing of it is told.
    """

    def __init__(self, reason: str, carried: Carried) -> None:
        super().__init__("payment_refused", reason)
        self.carried = carried
        self.signed = carried.told if isinstance(carried.told, Signed) else None


def invalid(reason: str) -> VerificationError:
    """Return the error that an answer is refused with."""
    return VerificationError("answer_invalid", reason)


def carry_out(
    session: Session, send: Callable[[], Accepted], method: str, arguments: bytes
) -> Carried:
    """Have it carried out and recorded, and hold the entry's commitments against what came back.

    Args:
        session: who asks.
        send: returns the proven acceptance of the request.
        method: of the request.
        arguments: encoded.

    Raises:
        PaymentRefused: with the proof. VerificationError: the entry commits to something else.
        Error: the wallet's own refusal, by its code; else as `Session.request`.
    """
    accepted = send()
    answer = Answer.decode(unpad(accepted.response.result, least=ANSWER_LEAST))
    told = read_told(answer.body)
    caller = session.keystore.identity.signing_key.public
    fields = claimed_values(method, caller, arguments, answer, told)
    commitments = commit(WALLET_FIELDS, fields, accepted.result_key, accepted.exec_id)
    if claims_digest(commitments) != accepted.entry.part.claims:
        raise invalid("the entry does not commit to this request and its answer")
    carried = Carried(accepted, method, arguments, told, fields)
    if answer.code == "payment_refused" or (isinstance(told, Signed) and told.status == REFUSED):
        reason = told.reason if isinstance(told, Signed) else answer.reason
        raise PaymentRefused(reason or "no reason given", carried)
    if answer.code:
        raise _refusal(answer)
    return carried


def ask_wallet(
    session: Session, method: str, asked: Message, ordering: str, name: str = ""
) -> Carried:
    """Have a request to wallets carried out, recorded and verified.

    Raises:
        Error: as `carry_out`.
    """
    encoded = asked.encode()

    def send() -> Accepted:
        return session.request(APP, method, encoded, ordering=ordering, name=name or method)

    return carry_out(session, send, method, encoded)


def read_wallet(session: Session, method: str, asked: Message) -> bytes:
    """Return the encoded answer of a read of wallets.

    Raises:
        UsageError: `wallet_unknown`, `not_found`. Error: as `Session.read`.
    """
    try:
        return session.read(APP, method, asked.encode())
    except UsageError as problem:
        # A read is refused by its code alone.
        words = _REFUSED_READS.get(problem.code)
        if words is None:
            raise
        raise UsageError(problem.code, words) from problem


def read_told(body: bytes) -> Told | None:
    """Return what an answer's body tells, by the name that it begins with; None where it is empty.

    Raises:
        MalformedError: not the one encoding of it. VerificationError: of an unknown form.
    """
    if not body:
        return None
    # Each begins with an array head and its own name.
    kind = next((kind for kind in _TOLD if kind.WIRE_NAME.encode() in body[:32]), None)
    if kind is None:
        raise invalid("an answer of an unknown form")
    return kind.decode(body)


def _refusal(answer: Answer) -> Error:
    return error_of(answer.code, answer.reason or f"the wallet refuses: {answer.code}")
