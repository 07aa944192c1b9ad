"""The statuses of many credentials, packed: how lists are inflated, and how they are kept.

In a packed list the status of index 0 is in the lowest bits of the first byte, as a Token Status List has it. It is
kept in pages of one size, so that a stored page tells nothing of the list's length, and a check reads one page.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Annotated, Final

from adyton.core import limits
from adyton.core.errors import MalformedError, VerificationError
from adyton.core.fields import Exactly
from adyton.core.schema import Message, Uint32, message

SIZES: Final = (1, 2, 4, 8)
ZLIB: Final = 15  # RFC 1950
GZIP: Final = 31  # RFC 1952
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@message("status-page/1", max_bytes=limits.STATUS_PAGE + 64)
class StatusPage(Message):
    """A part of a packed list, zeros behind its end.

    Attributes:
        number: of the page within its list, from 0.
        packed: the statuses.
    """

    number: Uint32
    packed: Annotated[bytes, Exactly(limits.STATUS_PAGE)]


@dataclass(frozen=True, slots=True)
class StatusBits:
    """A packed list.

    Attributes:
        bits: of one status, of `SIZES`.
        packed: the statuses, at most `limits.STATUS_LIST` bytes.

    Raises:
        MalformedError: another size, or an empty or too long list.
    """

    bits: int
    packed: bytes

    def __post_init__(self) -> None:
        if type(self.bits) is not int or self.bits not in SIZES:
            raise MalformedError("malformed", "status list: bits is 1, 2, 4 or 8")
        if not 0 < len(self.packed) <= limits.STATUS_LIST:
            raise MalformedError(
                "too_large", f"status list: it has 1 to {limits.STATUS_LIST} bytes, inflated"
            )

    def __repr__(self) -> str:
        return f"<StatusBits {self.entries}>"

    @property
    def entries(self) -> int:
        """Return how many statuses there are."""
        return len(self.packed) * 8 // self.bits

    def status(self, index: int) -> int:
        """Return the status at an index.

        Raises:
            VerificationError: `status_invalid`, outside of the list.
        """
        require_index(index, self.entries)
        return _status(self.packed, index, self.bits)

    def pages(self) -> tuple[StatusPage, ...]:
        """Return the list in pages."""
        return tuple(
            StatusPage(number, part.ljust(limits.STATUS_PAGE, b"\x00"))
            for number, part in enumerate(
                self.packed[at : at + limits.STATUS_PAGE]
                for at in range(0, len(self.packed), limits.STATUS_PAGE)
            )
        )


def page_number(index: int, bits: int) -> int:
    """Return the number of the page that an index lies in."""
    return index * bits // (8 * limits.STATUS_PAGE)


def status_in(page: StatusPage, index: int, bits: int) -> int:
    """Return the status at an index of a whole list, from the page it lies in.

    Raises:
        VerificationError: `status_invalid`, another page.
    """
    if page.number != page_number(index, bits):
        raise VerificationError("status_invalid", "the index lies in another page of the list")
    return _status(page.packed, index % (8 * limits.STATUS_PAGE // bits), bits)


def require_index(index: int, entries: int) -> None:
    """Refuse an index outside of a list.

    Raises:
        VerificationError: `status_invalid`.
    """
    if not 0 <= index < entries:
        raise VerificationError("status_invalid", "the credential's index is outside of its list")


def inflate(unverified: bytes, form: int) -> bytes:
    """Return what was compressed, at most `limits.STATUS_LIST` bytes; not a byte more is ever made.

    Args:
        unverified: one whole stream.
        form: `ZLIB` or `GZIP`.

    Raises:
        MalformedError: `malformed`, not such a stream, cut off, or bytes behind it; `too_large`.
    """
    stream = zlib.decompressobj(form)
    try:
        inflated = stream.decompress(unverified, limits.STATUS_LIST + 1)
    except zlib.error as problem:
        raise MalformedError(
            "malformed", "status list: not a stream of its compression"
        ) from problem
    if len(inflated) > limits.STATUS_LIST:
        raise MalformedError(
            "too_large", f"status list: over {limits.STATUS_LIST} bytes, inflated; split it"
        )
    if not stream.eof or stream.unused_data:
        raise MalformedError("malformed", "status list: cut off, or bytes behind the stream")
    return inflated


def reverse_bits(packed: bytes) -> bytes:
    """Return a list of single bits from the other order: index 0 in the highest bit of the first byte."""
    return packed.translate(_REVERSED)


def _status(packed: bytes, index: int, bits: int) -> int:
    place = index * bits
    return packed[place >> 3] >> (place & 7) & (1 << bits) - 1
