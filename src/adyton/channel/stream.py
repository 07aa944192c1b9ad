"""The channel over a stream socket, blocking: the enclave's end."""

from __future__ import annotations

import socket
import threading

from adyton.channel.framing import HEADER, Frame, body_size, closed, pack


class StreamChannel:
    """A channel over a connected stream socket, which it owns.

    Trust: what `receive` returns is the peer's word; only its framing is checked.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._sending = threading.Lock()
        self._buffer = memoryview(bytearray(256 * 1024))
        self._start = 0
        self._end = 0

    def send(self, frame: Frame) -> None:
        """Deliver a frame; see `Channel.send`."""
        packed = pack(frame)
        try:
            with self._sending:
                self._socket.sendall(packed)
        except OSError as problem:
            raise closed() from problem

    def receive(self) -> Frame:
        """Wait for the next frame; see `Channel.receive`."""
        size, kind, number = body_size(self._take(HEADER.size))
        return Frame(kind, number, self._take(size))

    def close(self) -> None:
        """Close the socket, waking whoever waits on it."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the peer has closed it already
        self._socket.close()

    def _take(self, size: int) -> bytes:
        """Return the next `size` bytes of the stream."""
        held = self._end - self._start
        if held >= size:
            taken = bytes(self._buffer[self._start : self._start + size])
            self._start += size
            return taken
        parts = [bytes(self._buffer[self._start : self._end])]
        self._start = self._end = 0
        missing = size - held
        while missing > 0:
            # Large bodies are read straight; small ones through the buffer, which usually holds the next frame too.
            try:
                if missing >= len(self._buffer):
                    part = self._socket.recv(min(missing, 1 << 20))
                    received = len(part)
                else:
                    received = self._socket.recv_into(self._buffer)
                    part = bytes(self._buffer[: min(received, missing)])
                    self._start, self._end = len(part), received
            except OSError as problem:
                raise closed() from problem
            if received == 0:
                raise closed()
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
