"""The enclave's end of one zygote: starts it, names its users, collects its cells."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from adyton.core.errors import UnavailableError
from adyton.sandbox import wire
from adyton.sandbox.cell import Cell, pid_of
from adyton.sandbox.cgroup import MemoryGroup, MemoryGroups

_PROGRAM: Final = Path(__file__).with_name("zygote.py")
_FLAGS: Final = ("-I", "-S", "-B", "-X", "pycache_prefix=/dev/null/x", "-X", "utf8")
_START_PATIENCE_S: Final = 30.0
_STOP_PATIENCE_S: Final = 5.0
_READER_PATIENCE_S: Final = 15.0
_RETURN_PATIENCE_S: Final = 15.0
_CLOSE_PATIENCE_S: Final = _STOP_PATIENCE_S + _READER_PATIENCE_S + _RETURN_PATIENCE_S
_FAILURES_IN_A_ROW: Final = 8
_STDERR_SHOWN: Final = 2000
# Users of the jail, as root sees them: far from anyone's who could own a file.
_FIRST_OUTER_USER: Final = 200_000
_OUTER_USERS: Final = 65_536


class ZygoteGone(Exception):
    """The zygote ended; none of its cells can be had any more."""


class Nursery:
    """One zygote and the cells that wait for a job.

    Trust: runs in the enclave. The zygote is trusted code that forks guests; it is exec'ed with
    an empty environment and one descriptor, so that it inherits no secret.

    Args:
        python: the interpreter to exec, a real path.
        pool: how many cells wait in advance.
        groups: parent of the cells' memory cgroups, None without a cap.

    Raises:
        UnavailableError: `sandbox_unavailable`, with the step that the machine refuses.
    """

    def __init__(self, python: str, pool: int, groups: MemoryGroups | None) -> None:
        self._pool = pool
        self._groups = groups
        self._changed = threading.Condition()
        self._ready: deque[Cell] = deque()
        self._coming = 0
        self._waiting = 0
        self._in_use = 0
        self._retired = False
        self._gone = False
        self._closed = False
        self._ended = threading.Event()
        self._failures = 0
        self._last_failure = "the zygote ended"
        self.taken = 0
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [python, *_FLAGS, str(_PROGRAM), str(theirs.fileno())]
        command.append("cgroup" if groups is not None else "rlimit")
        self._errors = os.memfd_create("zygote-stderr", os.MFD_CLOEXEC)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    env={},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except OSError as error:
            self._control.close()
            os.close(self._errors)
            raise _unavailable(f"the zygote cannot be started: {error}") from error
        try:
            self.layers: tuple[str, ...] = self._shake_hands()
        except BaseException:
            self._stop()
            self._control.close()
            os.close(self._errors)
            raise
        os.close(self._errors)
        # Unlike poll(2), it hears of a descriptor that another thread adds while it waits.
        self._poll = select.epoll()
        self._poll.register(self._control, select.EPOLLIN)
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._bell, select.EPOLLIN)
        self._returned: SimpleQueue[tuple[Cell, bool]] = SimpleQueue()
        self._hatching: dict[int, Cell] = {}
        self._reader = threading.Thread(target=self._read, name="adyton-nursery", daemon=True)
        self._reader.start()
        with self._changed:
            self._ask(spare=pool)

    def take(self) -> Cell:
        """Return a cell with a guest-to-be, for the caller alone.

        Raises:
            ZygoteGone: there will be no more.
        """
        with self._changed:
            self._waiting += 1
            try:
                # The pool is filled up when a cell comes back: a fork now would slow the job.
                self._ask(spare=0)
                while not (self._ready or self._gone or self._retired):
                    self._changed.wait()
                if self._gone or not self._ready:
                    raise ZygoteGone(self._last_failure)
                self._in_use += 1
                self.taken += 1
                return self._ready.popleft()
            finally:
                self._waiting -= 1

    def give_back(self, cell: Cell) -> None:
        """Let `cell` get its next guest ready, or end it when there are enough."""
        with self._changed:
            closed = self._closed
            if not closed:
                self._in_use -= 1
                spare = len(self._ready) + self._coming - self._waiting
                keep = not (self._retired or self._gone) and spare < self._pool
                # The reader cleans up: the caller has its result and need not wait.
                self._coming += keep
                self._returned.put((cell, keep))
                os.eventfd_write(self._bell, 1)
            last = self._retired and self._in_use == 0
        if closed:
            # Nobody else would; whoever closes waits until it is done.
            cell.close()
            with self._changed:
                self._in_use -= 1
                self._changed.notify_all()
        elif last:
            self.close()

    @property
    def gone(self) -> bool:
        """Whether the zygote has ended."""
        with self._changed:
            return self._gone

    def retire(self) -> None:
        """Give out no more cells; close when the last one is given back."""
        with self._changed:
            self._retired = True
            idle = self._in_use == 0
            self._changed.notify_all()
        if idle:
            self.close()

    def close(self) -> None:
        """End the zygote and every cell of it, running or waiting.

        Whoever runs a guest sees its end before this returns: what the guest's end is judged by,
        its memory group above all, must not be taken away under the judge's hands. Nor does it
        return before another thread that closes it has done so.
        """
        with self._changed:
            first, self._closed = not self._closed, True
        if first:
            try:
                self._close()
            finally:
                self._ended.set()
        else:
            self._ended.wait(_CLOSE_PATIENCE_S)

    @property
    def closed(self) -> bool:
        """Whether nothing of it is left."""
        return self._ended.is_set()

    def _close(self) -> None:
        self._stop()
        self._reader.join(_READER_PATIENCE_S)
        with self._changed:
            self._changed.wait_for(lambda: self._in_use == 0, _RETURN_PATIENCE_S)
        self._control.close()
        with suppress(ZygoteGone):
            self._clean_up()
        self._poll.close()
        os.close(self._bell)
        with self._changed:
            cells = [*self._ready, *self._hatching.values()]
            self._ready.clear()
            self._hatching.clear()
        for cell in cells:
            cell.close()

    def _stop(self) -> None:
        # The zygote leaves when its control socket does; the kernel then ends all cells.
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, *, spare: int) -> None:
        # Called with the lock held.
        wanted = spare + self._waiting - len(self._ready) - self._coming
        for _ in range(wanted):
            try:
                self._control.send(wire.FORK)
            except OSError:
                return
            self._coming += 1

    def _shake_hands(self) -> tuple[str, ...]:
        self._control.settimeout(_START_PATIENCE_S)
        try:
            message = self._control.recv(wire.MESSAGE_MAX)
            if message == wire.MAP_IDS:
                self._control.send(str(_map_users(self._process.pid)).encode())
                message = self._control.recv(wire.MESSAGE_MAX)
        except OSError as error:
            raise _unavailable(f"the zygote does not answer: {error}") from error
        if message[:1] == wire.SERVING:
            self._control.settimeout(None)
            return tuple(json.loads(message[1:]))
        reason = message[1:].decode("utf-8", "replace") or self._last_words()
        raise _unavailable(reason)

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_PATIENCE_S)
        text = os.pread(self._errors, _STDERR_SHOWN, 0).decode("utf-8", "replace").strip()
        last = text.splitlines()[-1] if text else "without a word"
        return f"the zygote ended: {last}"

    def _prepare(self, cell: Cell) -> None:
        # Called when the cell is counted as coming; the reader hears its answer.
        try:
            cell.ask()
            self._hatching[cell.control.fileno()] = cell
            self._poll.register(cell.control, select.EPOLLIN)
        except OSError as error:
            self._hatching.pop(cell.control.fileno(), None)
            self._give_up(cell, error)

    def _give_up(self, cell: Cell, error: OSError) -> None:
        # A cell ends after its share of guests, or because someone killed it. One after another
        # ends when the machine no longer grants what cells need.
        cell.close()
        self._failures += 1
        if self._failures > self._pool + _FAILURES_IN_A_ROW:
            self._last_failure = str(error)
            raise ZygoteGone
        with self._changed:
            self._coming -= 1
            self._ask(spare=self._pool)

    def _read(self) -> None:
        try:
            while True:
                for descriptor, _ in self._poll.poll():
                    if descriptor == self._control.fileno():
                        self._prepare(self._receive())
                    elif descriptor == self._bell:
                        os.eventfd_read(self._bell)
                        self._clean_up()
                    elif (cell := self._hatching.pop(descriptor, None)) is not None:
                        self._hatched(cell)
        except ZygoteGone:
            pass
        finally:
            with self._changed:
                self._gone = True
                self._changed.notify_all()

    def _clean_up(self) -> None:
        while not self._returned.empty():
            cell, keep = self._returned.get()
            if keep:
                self._prepare(cell)
            else:
                cell.close()

    def _hatched(self, cell: Cell) -> None:
        self._poll.unregister(cell.control)
        try:
            cell.hear()
        except OSError as error:
            self._give_up(cell, error)
            return
        self._failures = 0
        with self._changed:
            self._coming -= 1
            self._ready.append(cell)
            self._changed.notify()

    def _receive(self) -> Cell:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        except OSError:
            raise ZygoteGone from None
        if message != wire.CELL or len(descriptors) != 2:
            raise ZygoteGone
        control, warden = socket.socket(fileno=descriptors[0]), descriptors[1]
        memory: MemoryGroup | None = None
        if self._groups is not None:
            memory = self._groups.make()
            # Once for all guests of the cell: the kernel takes ten milliseconds for a move.
            with suppress(ProcessLookupError):
                memory.attach(pid_of(warden))
        return Cell(control, warden, memory)


def _map_users(pid: int) -> int:
    """Write the id maps of process `pid`'s new user namespace; return how many ids it has."""
    proc = Path(f"/proc/{pid}")
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        line = f"0 {_FIRST_OUTER_USER} {_OUTER_USERS}"
        with suppress(OSError):
            (proc / "uid_map").write_text(line)
            (proc / "gid_map").write_text(line)
            return _OUTER_USERS
    try:
        (proc / "setgroups").write_text("deny")
        (proc / "uid_map").write_text(f"0 {user} 1")
        (proc / "gid_map").write_text(f"0 {group} 1")
    except OSError as error:
        raise _unavailable(f"user ids cannot be mapped: {error}") from error
    return 1


def _unavailable(reason: str) -> UnavailableError:
    return UnavailableError("sandbox_unavailable", f"guests cannot be confined: {reason}")
