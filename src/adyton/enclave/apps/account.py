"""Accounts: the index of each client's requests, for that client alone, and the basis for billing.

The items are the intake's own records; what a run has cost is appended under its execution id. So nothing that the
host stores is rewritten per client. Who owns which record is known in enclave memory, rebuilt when the state is loaded.
"""

from __future__ import annotations

from bisect import insort

from adyton.core import limits
from adyton.core.errors import InvariantError, UsageError
from adyton.enclave import intake
from adyton.enclave.apps.base import Call
from adyton.enclave.intake import IntakeRecord
from adyton.enclave.state import Loaded, State
from adyton.protocol import account
from adyton.protocol.account import AccountItem, AccountList, AccountPage
from adyton.protocol.envelope import Request
from adyton.protocol.task import Usage

_USAGE = b"usage"


class Account:
    """Knows whose records are whose, and lists them in reads."""

    name = account.APP

    def __init__(self, state: State) -> None:
        self._state = state
        # By client key: height, execution id and request id of what was carried out.
        self._owned: dict[bytes, list[tuple[int, bytes, bytes]]] = {}

    def visit(self, loaded: Loaded) -> None:
        """Take up a record met while the state is loaded."""
        if loaded.app == intake.APP:
            record = loaded.message(IntakeRecord)
            if not record.code:
                client_key, request_id = loaded.name[:32], loaded.name[32:]
                listed = self._owned.setdefault(client_key, [])
                listed.append((record.height, record.exec_id, request_id))

    def loaded(self) -> None:
        """Put the items in order, once all are there."""
        for listed in self._owned.values():
            listed.sort()

    def append(self, call: Call) -> None:
        """Take up a request that was carried out and recorded."""
        request = call.request
        # In the order that `loaded` restores, so that pages stay what they were over a restart.
        insort(
            self._owned.setdefault(request.client_key, []),
            (call.height, call.exec_id, request.request_id),
        )

    def append_usage(self, exec_id: bytes, usage: Usage) -> None:
        """Append what the run that was accepted as `exec_id` has cost."""
        self._state.set(self.name, _USAGE + exec_id, usage.encode())

    def read(self, request: Request) -> bytes:
        """Return a page of the asking client's items."""
        if request.method != account.LIST:
            raise UsageError("method_unknown", "the account has one method: list")
        asked = AccountList.decode(request.arguments)
        owned = self._owned.get(request.client_key, [])
        page = owned[asked.start : asked.start + limits.INDEX_PAGE]
        items = tuple(self._item(request.client_key, request_id) for _, _, request_id in page)
        return AccountPage(len(owned), items).encode()

    def _item(self, client_key: bytes, request_id: bytes) -> AccountItem:
        stored = self._state.read(intake.APP, client_key + request_id)
        if stored is None:
            raise InvariantError("invariant", "a record that is listed is not in the state")
        record = IntakeRecord.decode(stored)
        usage = self._state.read(self.name, _USAGE + record.exec_id)
        return AccountItem(
            request_id,
            record.task_hash,
            record.app,
            record.method,
            record.height,
            record.time_ms,
            None if usage is None else Usage.decode(usage),
        )
