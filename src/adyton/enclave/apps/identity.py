"""The identity app: keeps the registries, takes in status lists, and checks what holders present.

Records are public. Of a presentation nobody learns anything but the verdict, and that under seal: every request to
check one leaves the same in public, also where it was not even opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from adyton.core import limits
from adyton.core.errors import Error, InvariantError, UsageError
from adyton.enclave.apps.base import Call, Outcome
from adyton.enclave.identity.book import Book
from adyton.enclave.identity.checklists import Checklists
from adyton.enclave.identity.issuers import Issuers
from adyton.enclave.identity.lists import Lists
from adyton.enclave.identity.policies import Policies
from adyton.enclave.identity.presenting import Presenting
from adyton.enclave.identity.registering import Registrar
from adyton.enclave.identity.uses import Uses
from adyton.enclave.keys import Keys
from adyton.enclave.range_prover import RangeProver, is_available
from adyton.enclave.state import Loaded, State
from adyton.protocol.claims import IDENTITY_FIELDS, claims_digest, commit
from adyton.protocol.envelope import Request
from adyton.protocol.identity import requests
from adyton.protocol.identity.answers import ANSWER_LEAST, Answer, IdentityEntry, Records
from adyton.protocol.identity.record import claimed_values, refused_values
from adyton.protocol.identity.requests import OfRecord
from adyton.protocol.padding import pad

_PAGE_BYTES: Final = limits.ENTRY - 64 * limits.KIB
_TEXT: Final = 1024  # characters of a reason


class IdentityApp:
    """Registers, takes in lists, and checks presentations.

    Args:
        keys: of the chain.
        state: holds records and lists.
        entropy: of the platform; blinds the arithmetic of range proofs, and no result depends on it.
    """

    name = requests.APP

    def __init__(self, keys: Keys, state: State, entropy: Callable[[int], bytes]) -> None:
        self._book = Book(state)
        issuers = Issuers(self._book)
        self._lists = Lists(state, self._book, issuers)
        self._checklists = Checklists(state, self._book)
        self._uses = Uses(keys, self._book)
        prover = RangeProver(entropy(32)) if is_available() else None
        self._registrar = Registrar(keys.chain_id, self._book, range_proofs=prover is not None)
        self._presenting = Presenting(
            keys,
            self._book,
            Policies(self._book),
            issuers,
            self._lists,
            self._checklists,
            self._uses,
            prover,
        )

    def visit(self, loaded: Loaded) -> None:
        """Take up a value met while the state is loaded."""
        self._book.visit(loaded)

    # --- in order -------------------------------------------------------------------------------

    def execute(self, call: Call) -> Outcome:
        """Register, take in a list, or check a presentation."""
        method = call.request.method
        if method == requests.REGISTER:
            told, record = self._registrar.register(call)
            return Outcome(told.encode(), None, IdentityEntry(record.encode(), ()).encode())
        if method == requests.STATUS:
            return Outcome(self._lists.bring(call).encode())
        if method == requests.PRESENT:
            return self._present(call)
        raise UsageError("method_unknown", "identity has no such method")

    def _present(self, call: Call) -> Outcome:
        """Check a presentation; what fails is answered under seal, and looks like a verdict from outside."""
        mark = call.state.savepoint()
        try:
            verdict, use = self._presenting.present(call)
            answer, values = Answer("", "", verdict.encode()), claimed_values(verdict)
        except InvariantError:
            raise
        except Error as problem:
            call.state.rollback(mark)
            answer = Answer(problem.code, problem.message[:_TEXT], b"")
            values = refused_values(problem.code)
            use = self._uses.seal(call.exec_id, None, None, ())
        commitments = commit(IDENTITY_FIELDS, values, call.request.result_key, call.exec_id)
        return Outcome(
            pad(answer.encode(), least=ANSWER_LEAST),
            claims_digest(commitments),
            IdentityEntry(b"", (use,)).encode(),
        )

    # --- without order --------------------------------------------------------------------------

    def read(self, request: Request) -> bytes:
        """Answer what everybody may know of records, and developers of their party's requests."""
        if request.method == requests.LIST:
            after = OfRecord.decode(request.arguments).name
            return Records(self._page(request.client_key, after)).encode()
        if request.method not in (requests.RESOLVE, requests.CHECKLIST):
            raise UsageError("method_unknown", "identity has no such read")
        name = OfRecord.decode(request.arguments).name
        if request.method == requests.CHECKLIST:
            return self._checklists.read(name, request.client_key).encode()
        record = self._book.held(name)
        if record is None:
            raise UsageError("not_found", "there is no such record here")
        return record.encode()

    def _page(self, owner: bytes, after: bytes) -> tuple[bytes, ...]:
        """Return as many of a client's records, from a name on, as one answer holds."""
        page: list[bytes] = []
        size = 0
        for record in self._book.owned(owner, after, limits.INDEX_PAGE):
            page.append(record.encode())
            size += len(page[-1])
            if size > _PAGE_BYTES:
                return tuple(page[:-1])
        return tuple(page)
