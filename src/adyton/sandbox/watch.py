"""Watches one guest from its start to its end and takes what it left."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from adyton.core.errors import GuestError, UnavailableError
from adyton.sandbox import wire
from adyton.sandbox.cell import Cell, kill
from adyton.sandbox.harvest import Harvest
from adyton.sandbox.job import GuestJob, GuestOutcome, Killed

_CHUNK: Final = 65536
_CANCEL_POLL_S: Final = 0.05
# How long a killed guest may take to be gone before its whole cell is killed.
_KILL_PATIENCE_S: Final = 5.0


class NeverStarted(Exception):
    """The cell ended before any of the guest's code ran."""


@dataclass
class _Stream:
    """One of the guest's outputs; a byte more than the cap is read to know that it was passed."""

    descriptor: int
    cap: int
    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def read(self) -> bool:
        """Read once; return False at the end of the file."""
        data = os.read(self.descriptor, _CHUNK)
        if self.size <= self.cap:
            self.parts.append(data)
            self.size += len(data)
        return bool(data)

    @property
    def passed(self) -> bool:
        return self.size > self.cap

    def content(self) -> bytes:
        return b"".join(self.parts)[: self.cap]


class Watch:
    """One job in one cell.

    Trust: runs in the enclave. What comes through the two streams is the guest's; what comes
    through the channel was written by the warden or before any guest code ran, since no guest
    process ever holds the channel.
    """

    def __init__(self, cell: Cell, job: GuestJob, cancel: threading.Event | None) -> None:
        self._cell = cell
        self._seat = cell.seat
        self._job = job
        self._cancel = cancel
        self._killed: Killed | None = None
        self._started: float | None = None
        self._cpu_before = 0
        self._ended: wire.Ended | None = None
        self._lost = False
        self._end = 0.0

    def run(self) -> GuestOutcome:
        """Start the job, wait for its end, return the outcome.

        Raises:
            NeverStarted: the cell was gone before the job began.
            GuestError: the cell was lost while the guest ran.
            UnavailableError: the cell could not set the job up.
        """
        opened: list[int] = []
        try:
            streams, passed = self._open_streams(opened)
            if self._cell.memory is not None:
                self._cell.memory.limit(self._job.limits.memory_bytes)
            begun = time.monotonic()
            self._send(passed)
            for descriptor in passed:
                opened.remove(descriptor)
                os.close(descriptor)
            self._wait(streams, begun)
        finally:
            for descriptor in opened:
                os.close(descriptor)
        return self._outcome(*streams)

    def _open_streams(self, opened: list[int]) -> tuple[tuple[_Stream, _Stream], list[int]]:
        job = self._job
        limits = job.limits.for_cell()
        content = wire.encode_job(job.name, job.arguments, job.code, job.files, limits)
        passed = [_sealed_file("job", content)]
        opened += passed
        streams: list[_Stream] = []
        for _ in range(2):
            ours, theirs = os.pipe2(os.O_CLOEXEC)
            opened += (ours, theirs)
            passed.append(theirs)
            streams.append(_Stream(ours, job.limits.output_bytes))
        if job.stdin:
            # A sealed file instead of a pipe: nobody has to feed it, no one waits for a reader.
            passed.append(_sealed_file("stdin", job.stdin))
            opened.append(passed[-1])
        return (streams[0], streams[1]), passed

    def _send(self, passed: list[int]) -> None:
        try:
            socket.send_fds(self._seat.channel, [wire.JOB], passed)
        except OSError as error:
            raise NeverStarted from error

    def _wait(self, streams: tuple[_Stream, _Stream], begun: float) -> None:
        channel = self._seat.channel.fileno()
        waiting = {stream.descriptor: stream for stream in streams}
        poll = select.poll()
        for descriptor in (channel, *waiting):
            poll.register(descriptor, select.POLLIN)
        channel_open = True
        deadline = begun + self._job.limits.wall_s
        while channel_open or waiting:
            for descriptor, _ in poll.poll(self._pause(deadline)):
                if descriptor == channel:
                    channel_open = self._hear()
                    if not channel_open:
                        poll.unregister(channel)
                        deadline = time.monotonic() + _KILL_PATIENCE_S
                elif not waiting[descriptor].read():
                    poll.unregister(descriptor)
                    del waiting[descriptor]
                elif waiting[descriptor].passed:
                    deadline = self._kill("output", deadline)
            if self._cancel is not None and self._cancel.is_set():
                deadline = self._kill("cancelled", deadline)
            if time.monotonic() >= deadline:
                if self._killed is not None or not channel_open:
                    # Neither report nor end of output: nothing of the cell may stay alive.
                    self._cell.kill_all()
                    self._end = time.monotonic()
                    break
                deadline = self._kill("wall-time", deadline)

    def _pause(self, deadline: float) -> int:
        left = max(0.0, deadline - time.monotonic())
        if self._cancel is not None and self._killed is None:
            left = min(left, _CANCEL_POLL_S)
        return int(left * 1000) + 1

    def _kill(self, why: Killed, deadline: float) -> float:
        if self._killed is not None or self._ended is not None or self._lost:
            return deadline
        self._killed = why
        kill(self._seat.guest)
        return time.monotonic() + _KILL_PATIENCE_S

    def _hear(self) -> bool:
        """Take one message from the cell; return False when there will be no more."""
        try:
            unverified = self._seat.channel.recv(wire.MESSAGE_MAX)
        except ConnectionResetError:
            unverified = b""
        kind = unverified[:1]
        if kind == wire.STARTED and self._started is None:
            self._started = time.monotonic()
            self._cpu_before = wire.decode_started(unverified)
            return True
        self._end = time.monotonic()
        if kind == wire.REFUSED:
            reason = ascii(unverified[1:].decode("utf-8", "replace"))[1:-1]
            raise UnavailableError("sandbox_failed", f"the cell could not be set up: {reason}")
        try:
            if kind != wire.ENDED:
                raise ValueError("no end")
            self._ended = wire.decode_ended(unverified)
        except ValueError:
            self._lost = True
        return False

    def _outcome(self, out: _Stream, err: _Stream) -> GuestOutcome:
        memory = self._cell.memory
        if self._started is None and self._killed is None and not self._starved():
            raise NeverStarted
        if self._ended is None and self._killed is None and not self._starved():
            raise GuestError("sandbox_failed", "the cell was lost while the guest ran")
        ended = self._ended or wire.Ended(signal.SIGKILL, 0, 0)
        killed, code, number = self._verdict(ended, out.passed or err.passed)
        peak = memory.peak() if memory is not None else None
        harvest = Harvest(self._job.limits.outputs_bytes, self._job.limits.outputs_count)
        harvest.take(self._seat.work, "out")
        return GuestOutcome(
            exit_code=code,
            signal=number,
            killed=killed,
            stdout=out.content(),
            stderr=err.content(),
            outputs=dict(sorted(harvest.outputs.items())),
            refused_outputs=tuple(sorted(harvest.refused)),
            wall_s=self._end - (self._started or self._end),
            cpu_s=max(0, ended.cpu_microseconds - self._cpu_before) / 1e6,
            peak_memory_bytes=ended.peak_bytes if peak is None else peak,
        )

    def _starved(self) -> bool:
        memory = self._cell.memory
        return memory is not None and memory.out_of_memory_kills() > 0

    def _verdict(
        self, ended: wire.Ended, flooded: bool
    ) -> tuple[Killed | None, int | None, int | None]:
        """Return the limit that ended the guest, its exit code, its signal."""
        if flooded or self._killed is not None:
            # Whether the guest ended by itself just before the kill is not worth a difference.
            return self._killed or "output", None, signal.SIGKILL
        code = os.waitstatus_to_exitcode(ended.wait_status)
        if code >= 0:
            return None, code, None
        number = -code
        # The kernel counts ticks for the limit and exact time for the report: they may differ.
        spent = ended.cpu_microseconds >= self._job.limits.cpu_s * 1e6 * 0.5
        if number == signal.SIGKILL and self._starved():
            return "memory", None, number
        if number in (signal.SIGXCPU, signal.SIGKILL) and spent:
            return "cpu-time", None, number
        return None, None, number


def _sealed_file(name: str, content: bytes) -> int:
    """Return a file in memory that nobody can change any more."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor
