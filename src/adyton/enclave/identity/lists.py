"""Status lists: taken in when their issuer has signed them, kept in pages, looked at by every check, never fetched."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeVar

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import (
    InvariantError,
    MalformedError,
    UnavailableError,
    VerificationError,
)
from adyton.core.recent import Recent
from adyton.core.schema import Message
from adyton.enclave.apps.base import Call
from adyton.enclave.identity.book import Book
from adyton.enclave.identity.issuers import Issuers
from adyton.enclave.state import State
from adyton.protocol.credentials.status import Status, StatusReference
from adyton.protocol.credentials.status_bits import StatusPage
from adyton.protocol.credentials.status_list import (
    StatusListHead,
    page_of,
    require_successor,
    status_of,
)
from adyton.protocol.identity.answers import StatusKept
from adyton.protocol.identity.brought_lists import read_brought_list, require_listed
from adyton.protocol.identity.registries import IssuerRecord
from adyton.protocol.identity.requests import APP, BringStatus

_HEAD: Final = b"s"
_PAGE: Final = b"g"
_READ_LATELY: Final = (
    256  # heads, and pages of `limits.STATUS_PAGE` bytes as they were read and as they are held
)
_M = TypeVar("_M", StatusListHead, StatusPage)


class Lists:
    """Status lists of registered issuers.

    Args:
        state: holds them.
        book: of records.
        issuers: their keys.
    """

    def __init__(self, state: State, book: Book, issuers: Issuers) -> None:
        self._state = state
        self._book = book
        self._issuers = issuers
        self._read_lately = Recent[bytes, tuple[bytes, Message]](_READ_LATELY)
        self._block = (0, 0)  # height, and bytes of lists inflated there

    def bring(self, call: Call) -> StatusKept:
        """Take in a list that somebody brings.

        1. there is room in this block; the issuer is registered, and says that it signs a list of that address
        2. the list verifies (`status_token.py`, `status_bitstring.py`) under that issuer's key
        3. it takes the place of the one that is held: the same issuer, address and kind, and not older
        4. all its pages are written anew: which of them have changed would tell who was revoked

        Raises:
            UnavailableError: `out_of_block_fuel`, the next block has room.
            UsageError: `not_found`, no such issuer or list.
            CredentialError, MalformedError, VerificationError: the list does not verify, or is out of date.
        """
        asked = BringStatus.decode(call.request.arguments)
        # 1.
        self._require_room(call.height)
        record = self._book.record(asked.issuer, IssuerRecord)
        require_listed(record, asked.uri)
        # 2.
        now_s = call.time_ms // 1000
        token = _text(asked.token)
        try:
            brought = read_brought_list(
                token,
                uri=asked.uri,
                issuer=asked.issuer,
                record=record,
                key_of=lambda kid: self._issuers.key(asked.issuer, kid),
                now_s=now_s,
            )
        except MalformedError:
            # It may have been inflated up to there: work as well, and anybody can be an issuer.
            self._take_room(limits.STATUS_LIST)
            raise
        self._take_room(len(brought.statuses.packed))
        # 3.
        place = _place(asked.issuer, asked.uri)
        held = self._head(place)
        if held is not None:
            require_successor(held, brought.head)
        # 4.
        pages = brought.statuses.pages()
        for page in pages:
            self._state.set(APP, _page_name(place, page.number), page.encode(), hot=True)
        for number in range(len(pages), 0 if held is None else _pages(held)):
            self._state.remove(APP, _page_name(place, number))
        self._state.set(APP, _HEAD + place, brought.head.encode(), hot=True)
        until_s = brought.head.until_s
        return StatusKept(brought.head.entries, None if until_s is None else until_s * 1000)

    def _require_room(self, height: int) -> None:
        if self._block[0] != height:
            self._block = (height, 0)
        if self._block[1] >= limits.STATUS_BLOCK:
            raise UnavailableError("out_of_block_fuel", "the block's room for lists is used up")

    def _take_room(self, size: int) -> None:
        height, taken = self._block
        self._block = (height, taken + size)

    def status(self, issuer: bytes, reference: StatusReference, now_s: int) -> Status:
        """Return what is held on a credential's place in a list of its issuer.

        Raises:
            CredentialError: `status_form`, the index is not one of the list.
        """
        if reference.uri not in self._book.record(issuer, IssuerRecord).lists:
            return Status.UNKNOWN
        place = _place(issuer, reference.uri)
        head = self._head(place)
        if head is None or head.kind != reference.kind.value:
            return Status.UNKNOWN
        page = self._held(_page_name(place, page_of(head, reference)), StatusPage)
        if page is None:
            raise InvariantError("invariant", "a status list without a page of it")
        try:
            return status_of(head, page, reference, now_s=now_s, oldest_s=None)
        except VerificationError as problem:
            raise InvariantError("invariant", "a status list under another's name") from problem

    def _head(self, place: bytes) -> StatusListHead | None:
        return self._held(_HEAD + place, StatusListHead)

    def _held(self, name: bytes, kind: type[_M]) -> _M | None:
        """Return a value of the state; decoded once, as long as it is the same."""
        value = self._state.get_hot(APP, name)
        if value is None:
            return None
        known = self._read_lately.get(name)
        if known is not None and known[0] is value and isinstance(known[1], kind):
            return known[1]
        decoded = kind.decode(value)
        self._read_lately.put(name, (value, decoded))
        return decoded


def _text(unverified: bytes) -> str:
    try:
        return unverified.decode("ascii")
    except UnicodeDecodeError:
        raise MalformedError("malformed", "status list: not a compact JWS") from None


@lru_cache(maxsize=1024)
def _place(issuer: bytes, uri: str) -> bytes:
    return issuer + digest(Context.IDENTITY_LIST, uri.encode())


def _page_name(place: bytes, number: int) -> bytes:
    return _PAGE + place + number.to_bytes(4, "big")


def _pages(head: StatusListHead) -> int:
    return -(-head.entries * head.bits // (8 * limits.STATUS_PAGE))
