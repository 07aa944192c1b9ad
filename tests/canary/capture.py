"""Captures what goes over the loopback interface, and puts each TCP connection together again."""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
from types import TracebackType

_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_RCVBUFFORCE = 33
_SO_ATTACH_FILTER = 26
_BUFFER = 64 << 20
_Flow = tuple[str, int, int]


class Capture:
    """Captures from entry to exit; needs CAP_NET_RAW.

    Args:
        port: TCP port of the server whose traffic is kept.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._segments: dict[_Flow, dict[int, bytes]] = {}
        # Of no protocol until the filter is there: what others send meanwhile must fill no buffer of ours.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        _attach(self._socket, _of_port(port))
        self._socket.bind(("lo", _ETH_P_ALL))
        self._socket.settimeout(0.1)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.dropped = 0

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()
        counted = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        _, self.dropped = struct.unpack("II", counted)
        self._socket.close()

    def streams(self) -> dict[str, bytes]:
        """Return the bytes of each direction of each connection, by a name that says which."""
        return {
            f"{host} {source} -> {target}": _joined(segments)
            for (host, source, target), segments in self._segments.items()
        }

    def _run(self) -> None:
        while True:
            try:
                packet = self._socket.recv(1 << 17)
            except TimeoutError:
                # What had come before the end was asked for is taken first.
                if self._ending.is_set():
                    return
                continue
            self._keep(packet[14:])

    def _keep(self, packet: bytes) -> None:
        version = packet[0] >> 4 if packet else 0
        if version == 4 and packet[9] == socket.IPPROTO_TCP:
            start = (packet[0] & 15) * 4
            end = int.from_bytes(packet[2:4], "big") or len(packet)
            host = socket.inet_ntop(socket.AF_INET, packet[12:16])
        elif version == 6 and packet[6] == socket.IPPROTO_TCP:
            start, end = 40, 40 + int.from_bytes(packet[4:6], "big")
            host = socket.inet_ntop(socket.AF_INET6, packet[8:24])
        else:
            return
        segment = packet[start:end]
        source, target, number = struct.unpack_from(">HHI", segment)
        payload = segment[(segment[12] >> 4) * 4 :]
        if payload and self._port in (source, target):
            self._segments.setdefault((host, source, target), {})[number] = payload


def _of_port(port: int) -> list[tuple[int, int, int, int]]:
    """Return a classic BPF program that lets TCP segments pass from and to a port, over IPv4 and IPv6."""
    load_half, load_byte, load_half_at_x, load_header_size = 0x28, 0x30, 0x48, 0xB1
    equal, give = 0x15, 0x06
    # Each line: what, how many lines are skipped if it is so and if not, with which number.
    return [
        (load_half, 0, 0, 12),
        (equal, 0, 7, 0x0800),
        (load_byte, 0, 0, 14 + 9),
        (equal, 0, 13, socket.IPPROTO_TCP),
        (load_header_size, 0, 0, 14),
        (load_half_at_x, 0, 0, 14),
        (equal, 9, 0, port),
        (load_half_at_x, 0, 0, 16),
        (equal, 7, 8, port),
        (equal, 0, 7, 0x86DD),
        (load_byte, 0, 0, 14 + 6),
        (equal, 0, 5, socket.IPPROTO_TCP),
        (load_half, 0, 0, 54),
        (equal, 2, 0, port),
        (load_half, 0, 0, 56),
        (equal, 0, 1, port),
        (give, 0, 0, 0x7FFFFFFF),
        (give, 0, 0, 0),
    ]


def _attach(to: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    packed = b"".join(struct.pack("=HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(packed, len(packed))
    header = struct.pack("@HP", len(program), ctypes.addressof(held))
    to.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)


def _joined(segments: dict[int, bytes]) -> bytes:
    """Return the stream of one direction: in the order of its numbers, what was sent twice once."""
    first = next(iter(segments))
    placed = sorted(((number - first) % 2**32, part) for number, part in segments.items())
    stream = bytearray()
    for start, part in placed:
        stream[start : start + len(part)] = part
    return bytes(stream)
