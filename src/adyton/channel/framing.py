"""Frames: four bytes of length, one of kind, eight of id, then an encoded message.

Either side may ask (`REQUEST`) and is answered (`REPLY`) under the same id; ids are the asker's own and never repeat
on one channel. A frame over `limits.FRAME`, of another kind, or cut off ends the channel: there is no resynchronising
with a peer that breaks the rules.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Protocol

from adyton.core import limits
from adyton.core.errors import UnavailableError, VerificationError

REQUEST: Final = 1
REPLY: Final = 2
HEADER: Final = struct.Struct(">IBQ")
_AFTER_LENGTH: Final = 9


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        kind: `REQUEST` or `REPLY`.
        id: of the request, chosen by its sender.
        body: encoded message, unverified.
    """

    kind: int
    id: int
    body: bytes


class Channel(Protocol):
    """The port: ordered, reliable delivery of frames between two processes; the peer may be hostile."""

    def send(self, frame: Frame) -> None:
        """Deliver a frame; may be called from several threads.

        Raises:
            UnavailableError: the channel is closed.
        """

    def receive(self) -> Frame:
        """Wait for the next frame; one thread at a time.

        Raises:
            UnavailableError: the channel is closed.
            VerificationError: the peer broke the rules.
        """

    def close(self) -> None:
        """Close the channel; a pending `receive` ends with `UnavailableError`."""


def pack(frame: Frame) -> bytes:
    """Return the frame's bytes.

    Raises:
        VerificationError: the body is over the bound: the peer would have to refuse it.
    """
    if len(frame.body) > limits.FRAME:
        raise VerificationError("channel_violation", "a frame over its bound")
    return HEADER.pack(len(frame.body) + _AFTER_LENGTH, frame.kind, frame.id) + frame.body


def body_size(unverified_header: bytes) -> tuple[int, int, int]:
    """Return body length, kind and id of a frame's 13-byte header.

    Raises:
        VerificationError: the header breaks the rules.
    """
    length, kind, number = HEADER.unpack(unverified_header)
    size = length - _AFTER_LENGTH
    if not 0 <= size <= limits.FRAME:
        raise VerificationError("channel_violation", "a frame over its bound")
    if kind not in (REQUEST, REPLY):
        raise VerificationError("channel_violation", "a frame of an unknown kind")
    return size, kind, number


def closed() -> UnavailableError:
    """Return the error for a channel that has ended."""
    return UnavailableError("enclave_down", "the channel is closed")
