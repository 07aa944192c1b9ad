"""One request's way to the ledger and back: identical bytes until there is an answer, every answer
verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from adyton.client.answers import verify_answer, verify_read_answer
from adyton.client.chain_keeping import ChainStore
from adyton.client.patience import Patience
from adyton.client.problems import error_of
from adyton.client.records import ACCEPTED, REFUSED, RequestRecord
from adyton.client.server_api import ServerApi
from adyton.client.server_keys import ServerKeys
from adyton.client.verified import VerifiedEntry
from adyton.client.view_keeper import ViewKeeper
from adyton.core.errors import (
    ConflictError,
    Error,
    PolicyError,
    UnavailableError,
    VerificationError,
)
from adyton.protocol.envelope import (
    Envelope,
    ReadAnswer,
    Request,
    Response,
    SignedRequest,
    task_hash,
)
from adyton.protocol.ledger import EntryProof

# The same signed request is sealed anew when its envelope alone was refused; its id keeps it from
# acting twice.
_SEAL_ANEW: Final = frozenset(("wrong_epoch", "ticket_expired", "ticket_invalid", "ticket_spent"))
_SEALS: Final = 3
_T = TypeVar("_T")


@dataclass(frozen=True)
class Accepted:
    """A request that was carried out and recorded, all of it verified.

    Attributes:
        entry: where it is recorded.
        response: opened.
        exec_id: name of the execution, 32 bytes.
        result_key: secret; opens results and salts claims.
        task_hash: public name of the request, 32 bytes.
    """

    entry: VerifiedEntry
    response: Response
    request_id: bytes
    result_key: bytes
    exec_id: bytes
    task_hash: bytes

    def __repr__(self) -> str:
        return f"<Accepted {self.task_hash.hex()[:16]}>"


@dataclass
class _First:
    """What the server answered to one envelope among several; nothing of it is verified.

    Attributes:
        task_hash: which envelope it says that it answers.
        given: proof, or why there is none.
        at: size of the view when it was asked.
        consistency: from there to the proof's tree; None to have one fetched.
    """

    task_hash: bytes
    given: bytes | Error
    at: int
    consistency: tuple[bytes, ...] | None = None

    @property
    def size(self) -> int:
        """Tree size of the proof; 0 where there is none, or none that can be read."""
        if isinstance(self.given, Error):
            return 0
        try:
            return EntryProof.decode(self.given).facts().size
        except Error:
            return 0

    def proof(self) -> bytes:
        """Return the proof, or raise what was given in its stead."""
        if isinstance(self.given, Error):
            raise self.given
        return self.given


class Exchange:
    """Carries requests of one client to one chain.

    Args:
        api: the server; all that it answers is verified here.
        store: where pending requests are kept.
        keeper: the verified view.
        keys: seal envelopes.
        now_ms: client's clock.
        patience: with a server that is not available.
    """

    def __init__(
        self,
        api: ServerApi,
        store: ChainStore,
        keeper: ViewKeeper,
        keys: ServerKeys,
        now_ms: Callable[[], int],
        patience: Patience,
    ) -> None:
        self._api = api
        self._store = store
        self._keeper = keeper
        self._keys = keys
        self._now_ms = now_ms
        self._patience = patience

    def carry_out_all(
        self, records: Sequence[RequestRecord], *, keep: bool
    ) -> list[Accepted | Error]:
        """Send pending requests together, and return each one's outcome, in their order.

        Args:
            records: at most `limits.BATCH_ENVELOPES`. Else as `carry_out`.

        Raises:
            Error: there is no answer at all; none of the records has changed.
        """
        at = self._keeper.size
        envelopes = [record.envelope or b"" for record in records]
        answer = self.proven(lambda: self._api.post_tasks(envelopes, at))
        first = [_First(named, given, at) for named, given in answer.answers]
        # Ascending, so that the view asks for one proof a block at most; the proof given is that of the newest.
        order = sorted(range(len(records)), key=lambda place: first[place].size)
        newest = first[order[-1]].size if order else 0
        outcomes: dict[int, Accepted | Error] = {}
        for place in order:
            if first[place].size == newest:
                first[place].consistency = answer.consistency
            try:
                outcomes[place] = self.carry_out(records[place], keep=keep, first=first[place])
            except Error as problem:
                outcomes[place] = problem
        return [outcomes[place] for place in range(len(records))]

    def carry_out(
        self,
        record: RequestRecord,
        *,
        keep: bool,
        request: Request | None = None,
        first: _First | None = None,
    ) -> Accepted:
        """Send a pending request until it is answered, and put the outcome in its record.

        Args:
            record: as it lies in the store; it stays there, pending, whatever fails.
            keep: whether it stays in the store when it is answered.
            request: what is signed in the record, where the caller has it at hand.
            first: what the server answered already.

        Raises:
            UnavailableError: no answer. VerificationError: an answer that does not hold.
            Error: the enclave's refusal, by its code.
        """
        accepted: Accepted | None = None
        request = request or _signed(record)[1]
        seals = 1
        while accepted is None:
            try:
                accepted = self._send(record, request, first)
            except (PolicyError, VerificationError) as problem:
                if problem.code not in _SEAL_ANEW or seals == _SEALS:
                    raise
                seals += 1
                first = None
                self._keys.forget(Envelope.decode(record.envelope or b"").epoch)
                record = self._seal_anew(record)
        code = accepted.response.code
        if keep:
            done = replace(
                record,
                task_hash=accepted.task_hash,
                state=REFUSED if code else ACCEPTED,
                signed=None,
                envelope=None,
                exec_id=accepted.exec_id,
                accepted=accepted.entry.proof.encode(),
                code=code,
            )
            self._store.put_request(done)
        else:
            self._store.drop_request(record.request_id)
        if code:
            raise error_of(code, f"the enclave refuses the request: {code}")
        return accepted

    def read(self, signed: SignedRequest) -> bytes:
        """Return the encoded result of a read.

        Raises:
            RollbackError: the answer is of a ledger older than what was seen.
            Error: as `carry_out`.
        """
        request = Request.decode(signed.body)
        answer: ReadAnswer | None = None
        seals, epoch = 1, 0
        while answer is None:
            envelope = self._keys.seal(signed, request.chain_id, "read")
            epoch = envelope.epoch
            try:
                answer = self._answer(envelope.encode(), request.response_key)
            except (PolicyError, VerificationError) as problem:
                if problem.code not in _SEAL_ANEW or seals == _SEALS:
                    raise
                seals += 1
                self._keys.forget(epoch)
        self._keys.put_back(answer.ticket, epoch)
        if answer.code:
            raise error_of(answer.code, f"the enclave refuses the read: {answer.code}")
        return answer.result

    def _answer(self, envelope: bytes, response_key: bytes) -> ReadAnswer:
        keeper = self._keeper
        least = keeper.size
        unverified = self.proven(lambda: self._api.post_read(envelope))
        answer = verify_read_answer(
            unverified,
            response_key=response_key,
            checkpoint=lambda shown: self.proven(
                lambda: keeper.accept_checkpoint(shown, least=least)
            ),
            now_ms=self._now_ms(),
        )
        if answer.code in _SEAL_ANEW:
            raise error_of(answer.code, "the enclave refuses the envelope")
        return answer

    def proven(self, call: Callable[[], _T]) -> _T:
        """Call with patience, and put the signed checkpoints to a mere claim of a rollback.

        Raises:
            RollbackError, ForkError: with both checkpoints. Error: whatever else the call raises.
        """
        try:
            return self._patience(call)
        except ConflictError as claim:
            if claim.shown:
                raise
            self._keeper.update()
            raise VerificationError(
                "answer_invalid", "the server says that it went backwards, and shows no such thing"
            ) from claim

    def _seal_anew(self, record: RequestRecord) -> RequestRecord:
        signed, request = _signed(record)
        envelope = self._keys.seal(signed, request.chain_id, "request").encode()
        anew = replace(record, envelope=envelope, task_hash=task_hash(envelope))
        self._store.put_request(anew)
        return anew

    def _send(self, record: RequestRecord, request: Request, first: _First | None) -> Accepted:
        """Post a pending envelope, and return what the verified answer says."""
        envelope, keeper = record.envelope or b"", self._keeper
        named, at = record.task_hash, keeper.size
        consistency: tuple[bytes, ...] | None
        try:
            if first is None or isinstance(first.given, UnavailableError):
                answer = self.proven(lambda: self._api.post_task(envelope, at))
                answered, proof, consistency = answer.task_hash, answer.proof, answer.consistency
            else:
                answered, consistency = first.task_hash, first.consistency
                proof = self.proven(first.proof)
                at = first.at
        except PolicyError as problem:
            if problem.code != "replayed":
                raise
            # The host has lost the answer; the ledger has not. Nothing names an envelope then.
            answered, proof, consistency = named, self._recorded(named), None
        believed = verify_answer(
            answered,
            named=named,
            request=request,
            entry=lambda: self.proven(lambda: keeper.accept_entry(proof, consistency, at)),
            original=self._original,
        )
        entry, response = believed.entry, believed.response
        if response.code in _SEAL_ANEW:
            raise error_of(response.code, "the enclave refuses the envelope")
        if believed.task_hash == named:
            self._keys.put_back(response.ticket, Envelope.decode(envelope).epoch)
        return Accepted(
            entry,
            response,
            request.request_id,
            request.result_key,
            entry.exec_id,
            believed.task_hash,
        )

    def _original(self, named: bytes) -> VerifiedEntry:
        unverified = self._recorded(named)
        return self.proven(lambda: self._keeper.accept_entry(unverified))

    def _recorded(self, named: bytes) -> bytes:
        """Return the unverified proof of the request's entry under a task hash."""
        found = self.proven(lambda: self._api.get_entry(named, wait_s=0, view=0))
        return found.proofs[0]


def _signed(record: RequestRecord) -> tuple[SignedRequest, Request]:
    signed = SignedRequest.decode(record.signed or b"")
    return signed, Request.decode(signed.body)
