"""Messages between the enclave, the zygote and a cell.

Standard library only. All sockets are SOCK_SEQPACKET pairs, so a message is one datagram. Guest
code never holds one of them.
"""

import json
import os
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

# Zygote to enclave, on the control socket.
MAP_IDS: Final = b"M"
SERVING: Final = b"R"  # + JSON list of the layers in force
FAILED: Final = b"E"  # + UTF-8 text
CELL: Final = b"C"  # with two descriptors: the cell's control socket, its warden's pidfd
# Enclave to zygote (a cell) and to a warden (a guest).
FORK: Final = b"F"

# Warden to enclave, on the cell's control socket.
GUEST: Final = b"G"  # with two descriptors: the guest's channel, its pidfd

# Guest-to-be and warden to enclave, on the guest's channel.
READY: Final = b"R"  # with one or two descriptors: the task's directory, its mounts
STARTED: Final = b"S"  # + _STARTED
REFUSED: Final = b"E"  # + UTF-8 text
ENDED: Final = b"X"  # + _ENDED
# Enclave to guest-to-be, with three or four descriptors: job, stdout, stderr, stdin if any.
JOB: Final = b"J"

MESSAGE_MAX: Final = 4096

_STARTED: Final = struct.Struct("=Q")
_ENDED: Final = struct.Struct("=IQQ")
_HEADER_LENGTH: Final = struct.Struct("=I")


class Ended(NamedTuple):
    """How the guest's first process ended, as wait4 told the cell's warden."""

    wait_status: int
    cpu_microseconds: int
    peak_bytes: int


def encode_started(cpu_seconds: float) -> bytes:
    """Return the STARTED message: how much CPU time the guest's process had spent by then."""
    return STARTED + _STARTED.pack(round(cpu_seconds * 1e6))


def decode_started(message: bytes) -> int:
    """Return the CPU microseconds of a STARTED message.

    Raises:
        ValueError: it has another length.
    """
    if len(message) != 1 + _STARTED.size:
        raise ValueError("a start has another length")
    (cpu,) = _STARTED.unpack_from(message, 1)
    return int(cpu)


def encode_ended(ended: Ended) -> bytes:
    """Return the ENDED message."""
    return ENDED + _ENDED.pack(*ended)


def decode_ended(message: bytes) -> Ended:
    """Parse an ENDED message.

    Raises:
        ValueError: it has another length.
    """
    if len(message) != 1 + _ENDED.size:
        raise ValueError("a cell's end has another length")
    return Ended(*_ENDED.unpack_from(message, 1))


class CellJob(NamedTuple):
    """A job as the cell reads it; `limits` are whole numbers by the names of GuestLimits."""

    name: str
    arguments: list[str]
    code: bytes
    files: list[tuple[str, bytes]]
    limits: dict[str, int]


def encode_job(
    name: str,
    arguments: tuple[str, ...],
    code: bytes,
    files: Mapping[str, bytes],
    limits: Mapping[str, int],
) -> bytes:
    """Return length, JSON header, then the code and the files one after another."""
    header = json.dumps(
        {
            "name": name,
            "arguments": arguments,
            "code": len(code),
            "files": [(file, len(content)) for file, content in files.items()],
            "limits": dict(limits),
        }
    ).encode()
    return b"".join((_HEADER_LENGTH.pack(len(header)), header, code, *files.values()))


def read_job(descriptor: int) -> CellJob:
    """Read a whole job file from its start.

    Trust: runs in the cell with the zygote's rights; the enclave wrote the file and sealed it.
    """
    size = os.fstat(descriptor).st_size
    parts: list[bytes] = []
    offset = 0
    while offset < size:
        part = os.pread(descriptor, size - offset, offset)
        parts.append(part)
        offset += len(part)
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    (length,) = _HEADER_LENGTH.unpack_from(data)
    at = _HEADER_LENGTH.size + length
    header = json.loads(data[_HEADER_LENGTH.size : at])
    code = data[at : at + header["code"]]
    at += len(code)
    files: list[tuple[str, bytes]] = []
    for name, count in header["files"]:
        files.append((name, data[at : at + count]))
        at += count
    return CellJob(header["name"], header["arguments"], code, files, header["limits"])
