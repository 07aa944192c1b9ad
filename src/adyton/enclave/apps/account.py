"""Accounts: the index of each client's requests, for that client alone, and the basis for billing.

Items are appended under names made of execution ids, so nothing that the host stores is rewritten per client. Who
owns which item is known in enclave memory, rebuilt when the state is loaded.
"""

from __future__ import annotations

from bisect import insort

from adyton.core import limits
from adyton.core.errors import InvariantError, UsageError
from adyton.core.schema import Bytes32, Message, message
from adyton.enclave.apps.base import Call
from adyton.enclave.state import Loaded, State
from adyton.protocol import account
from adyton.protocol.account import AccountItem, AccountList, AccountPage
from adyton.protocol.envelope import Request
from adyton.protocol.task import Usage

_ITEM = b"item"
_USAGE = b"usage"


@message("owned-item/1", max_bytes=4096)
class _OwnedItem(Message):
    client_key: Bytes32
    item: AccountItem


class Account:
    """Appends items while blocks are executed, and lists them in reads."""

    name = account.APP

    def __init__(self, state: State) -> None:
        self._state = state
        self._owned: dict[bytes, list[tuple[int, bytes]]] = {}

    def visit(self, loaded: Loaded) -> None:
        """Take up an item met while the state is loaded."""
        if loaded.app == self.name and loaded.name.startswith(_ITEM):
            owned = _OwnedItem.decode(loaded.value)
            listed = self._owned.setdefault(owned.client_key, [])
            listed.append((owned.item.height, loaded.name[len(_ITEM) :]))

    def loaded(self) -> None:
        """Put the items in order, once all are there."""
        for listed in self._owned.values():
            listed.sort()

    def append(self, call: Call) -> None:
        """Append the item of an accepted request."""
        request = call.request
        item = AccountItem(
            request.request_id,
            call.task_hash,
            request.app,
            request.method,
            call.height,
            call.time_ms,
            None,
        )
        owned = _OwnedItem(request.client_key, item)
        call.state.set(self.name, _ITEM + call.exec_id, owned.encode())
        # In the order that `loaded` restores, so that pages stay what they were over a restart.
        insort(self._owned.setdefault(request.client_key, []), (call.height, call.exec_id))

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
        return AccountPage(len(owned), tuple(self._item(exec_id) for _, exec_id in page)).encode()

    def _item(self, exec_id: bytes) -> AccountItem:
        stored = self._state.read(self.name, _ITEM + exec_id)
        if stored is None:
            raise InvariantError("invariant", "an item that is listed is not in the state")
        item = _OwnedItem.decode(stored).item
        usage = self._state.read(self.name, _USAGE + exec_id)
        return AccountItem(
            item.request_id,
            item.task_hash,
            item.app,
            item.method,
            item.height,
            item.time_ms,
            None if usage is None else Usage.decode(usage),
        )
