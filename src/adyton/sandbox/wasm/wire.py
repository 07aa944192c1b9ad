"""Frames between the enclave and its engine: a tag and byte strings, each behind its length.

Trust: each side reads what the other may have made up; a frame that is not one ends the connection.
"""

from __future__ import annotations

import socket
from typing import Final

FRAME: Final = 24 * 1024 * 1024
FIELDS: Final = 8192

# From the enclave.
COMPILE: Final = 1  # code
LOAD: Final = 2  # name, compiled module
DROP: Final = 3  # name
RUN: Final = 4  # see `Run`
ANSWER: Final = 5  # to the engine's question: fields as it demands
# From the engine.
READY: Final = 16  # identity of settings, layers
COMPILED: Final = 17  # compiled module
FAILED: Final = 18  # reason
LOADED: Final = 19
END: Final = 20  # see `End`
GET: Final = 21  # key
SCAN: Final = 22  # prefix, after, room
RANDOM: Final = 23  # size
CALL: Final = 24  # address, method, input, fuel
VERIFY: Final = 25  # Ed25519: key, signature, message
RECOVER: Final = 26  # secp256k1: hash, signature
QUESTIONS: Final = frozenset({GET, SCAN, RANDOM, CALL, VERIFY, RECOVER})


class BrokenWire(Exception):
    """The other side is gone, too slow, or does not keep to the form."""


class Wire:
    """One end of the connection.

    Args:
        connection: connected stream socket, blocking; its timeout bounds each wait.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()

    def send(self, tag: int, *fields: bytes) -> None:
        """Send one frame.

        Raises:
            BrokenWire: the other side is gone.
        """
        parts = [bytes((tag,))]
        for field in fields:
            parts += (len(field).to_bytes(4, "little"), field)
        body = b"".join(parts)
        if len(body) > FRAME:
            raise BrokenWire("a frame over its bound")
        try:
            self._socket.sendall(len(body).to_bytes(4, "little") + body)
        except OSError as problem:
            raise BrokenWire("the other side is gone") from problem

    def receive(self) -> tuple[int, list[bytes]]:
        """Return the next frame: its tag and fields.

        Raises:
            BrokenWire: the other side is gone, silent for too long, or sent what is no frame.
        """
        size = int.from_bytes(self._take(4), "little")
        if not 1 <= size <= FRAME:
            raise BrokenWire("a frame over its bound")
        body = self._take(size)
        fields: list[bytes] = []
        at = 1
        while at < size:
            end = at + 4 + int.from_bytes(body[at : at + 4], "little")
            if end > size or at + 4 > size or len(fields) == FIELDS:
                raise BrokenWire("a frame of another form")
            fields.append(body[at + 4 : end])
            at = end
        return body[0], fields

    def _take(self, size: int) -> bytes:
        buffer = self._buffer
        while len(buffer) < size:
            try:
                received = self._socket.recv(max(65536, size - len(buffer)))
            except OSError as problem:
                raise BrokenWire("the other side is silent or gone") from problem
            if not received:
                raise BrokenWire("the other side is gone")
            buffer += received
        taken = bytes(buffer[:size])
        del buffer[:size]
        return taken

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def number(value: int) -> bytes:
    """Return an integer as a field: eight bytes, little-endian, signed."""
    return value.to_bytes(8, "little", signed=True)


def read_number(field: bytes) -> int:
    """Return the integer of a field.

    Raises:
        BrokenWire: not eight bytes.
    """
    if len(field) != 8:
        raise BrokenWire("a field of another form")
    return int.from_bytes(field, "little", signed=True)


def pack(parts: list[bytes]) -> bytes:
    """Return a list of byte strings as one field."""
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(4, "little"), part)])


def unpack(field: bytes) -> list[bytes]:
    """Return the byte strings of a field that `pack` has made.

    Raises:
        BrokenWire: of another form.
    """
    parts: list[bytes] = []
    at = 0
    while at < len(field):
        end = at + 4 + int.from_bytes(field[at : at + 4], "little")
        if end > len(field) or at + 4 > len(field):
            raise BrokenWire("a field of another form")
        parts.append(field[at + 4 : end])
        at = end
    return parts
