"""A cell as the enclave holds it: a warden, its memory cgroup, and the guest it has ready."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adyton.sandbox import wire
from adyton.sandbox.cgroup import MemoryGroup

_PATIENCE_S: Final = 10.0


def kill(pidfd: int) -> None:
    """Kill the process behind `pidfd`, if it still lives."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def pid_of(pidfd: int) -> int:
    """Return the process id, as this process sees it, behind a pidfd.

    Raises:
        ProcessLookupError: it is dead.
    """
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "Pid" and int(value) > 0:
            return int(value)
    raise ProcessLookupError("no such process")


@dataclass
class Seat:
    """A guest-to-be that waits for its job.

    Attributes:
        channel: to the guest-to-be and its warden; no guest code ever holds the other end.
        guest: pidfd of the guest's first process.
        work: the guest's working directory.
        mounts: its mount namespace, held so that the guest's end need not wait for its removal.
    """

    channel: socket.socket
    guest: int
    work: int
    mounts: int | None

    def close(self) -> None:
        """Kill the guest's first process and let go of its disk."""
        kill(self.guest)
        self.channel.close()
        _close_all([self.guest, self.work, *([] if self.mounts is None else [self.mounts])])


class Cell:
    """One warden; it serves one guest at a time.

    Trust: runs in the enclave; a message of an unexpected form ends the cell.

    Args:
        control: the warden's control socket.
        warden: pidfd of process 1 of the cell; its death ends all others.
        memory: the cgroup that holds the warden and its guests, if there is a cap.
    """

    def __init__(self, control: socket.socket, warden: int, memory: MemoryGroup | None) -> None:
        self.control = control
        self.memory = memory
        self._warden = warden
        self._seat: Seat | None = None

    @property
    def seat(self) -> Seat:
        """The guest-to-be; there is one whenever the nursery gives the cell out."""
        if self._seat is None:
            raise RuntimeError("the cell has no guest ready")
        return self._seat

    def ask(self) -> None:
        """End the last guest, if any, and ask the warden for the next.

        Raises:
            OSError: the warden is gone.
        """
        self._leave()
        if self.memory is not None:
            self.memory.reset()
        self.control.send(wire.FORK)

    def hear(self) -> None:
        """Receive the next guest-to-be.

        Raises:
            OSError: the warden ended, or sent something else.
        """
        message, descriptors, _, _ = socket.recv_fds(self.control, 1, 2)
        if message != wire.GUEST or len(descriptors) != 2:
            _close_all(descriptors)
            raise OSError("the warden has no guest")
        channel = socket.socket(fileno=descriptors[0])
        try:
            channel.settimeout(_PATIENCE_S)
            message, held, _, _ = socket.recv_fds(channel, wire.MESSAGE_MAX, 2)
            if message != wire.READY or not held:
                _close_all(held)
                reason = ascii(message[1:].decode("utf-8", "replace"))[1:-1]
                raise OSError(f"a guest cannot be made ready: {reason}")
            channel.settimeout(None)
        except OSError:
            channel.close()
            os.close(descriptors[1])
            raise
        mounts = held[1] if len(held) > 1 else None
        self._seat = Seat(channel, descriptors[1], held[0], mounts)

    def kill_all(self) -> None:
        """Kill the warden, and with it everything in its namespace."""
        kill(self._warden)

    def close(self) -> None:
        """End everything in the cell and let go of it."""
        self.kill_all()
        self._leave()
        self.control.close()
        os.close(self._warden)
        if self.memory is not None:
            self.memory.remove()

    def _leave(self) -> None:
        if self._seat is not None:
            self._seat.close()
            self._seat = None


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
