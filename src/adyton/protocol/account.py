"""A client's own account: which requests it has made, what they cost; a read, for that client alone."""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, Uint, message
from adyton.protocol.task import Usage

APP: Final = "account"
LIST: Final = "list"


@message("account-list/1", max_bytes=256)
class AccountList(Message):
    """Ask for the requests from place `start` on, in the order of acceptance."""

    start: Uint


@message("account-item/1", max_bytes=2048)
class AccountItem(Message):
    """One accepted request.

    Attributes:
        request_id: from which the client derives the result key again.
        task_hash: under which the ledger shows it.
        app: what it asked; with the method.
        height: block of acceptance.
        usage: what the run cost, once it is finished.
    """

    request_id: Bytes32
    task_hash: Bytes32
    app: Annotated[str, AtMost(32)]
    method: Annotated[str, AtMost(32)]
    height: Uint
    time_ms: Uint
    usage: Usage | None


@message("account-page/1", max_bytes=limits.ENTRY)
class AccountPage(Message):
    """A page of the account; `total` items in all."""

    MAX_ITEMS = 2**15

    total: Uint
    items: Annotated[tuple[AccountItem, ...], AtMost(limits.INDEX_PAGE)]
