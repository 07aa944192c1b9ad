"""The warden: process 1 of a cell's pid namespace.

Standard library only. It forks one guest after another, and never runs guest code: it waits for
the guest, kills whatever the guest left behind, and reports how the guest ended.
"""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

from adyton.sandbox import kernel, namespaces, wire
from adyton.sandbox.furniture import Furniture
from adyton.sandbox.lockdown import become_guest


def run_warden(control: socket.socket, users: range, furniture: Furniture) -> NoReturn:
    """Serve one guest for each of `users`, then end.

    Trust: runs in the zygote's child, with rights over its own namespaces only.

    Args:
        control: the cell's SOCK_SEQPACKET pair with the enclave; each wire.FORK asks for a guest.
        users: the guests' user ids in the jail.
        furniture: what the zygote prepared.
    """
    try:
        control = _only_open(control)
        os.setsid()
        # Both are reset by the change of user that the zygote made.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        # Process 1 gets no signal from inside its namespace that it has no handler for.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        namespaces.enter_cell(furniture.proc_options)
        kernel.drop_bounding_set()
        for user in users:
            if control.recv(1) != wire.FORK:
                break
            _serve(control, user, furniture)
    finally:
        os._exit(0)


def _only_open(control: socket.socket) -> socket.socket:
    # The zygote's other descriptors came along with the fork.
    os.dup2(control.detach(), 3, inheritable=False)
    kernel.close_from(4)
    return socket.socket(fileno=3)


def _serve(control: socket.socket, user: int, furniture: Furniture) -> None:
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            child = kernel.fork()
            if child == 0:
                become_guest(ours, user, furniture)
            pidfd = os.pidfd_open(child)
            try:
                socket.send_fds(control, [wire.GUEST], [theirs.fileno(), pidfd])
            finally:
                os.close(pidfd)
        ended = _outlive(child)
        # The enclave may have left already.
        with suppress(BrokenPipeError, ConnectionResetError):
            ours.send(wire.encode_ended(ended))


def _outlive(child: int) -> wire.Ended:
    cpu = 0.0
    peak = 0
    status = 0
    alone = False
    for pid, ended, seconds, kilobytes in _reap():
        cpu += seconds
        peak = max(peak, kilobytes)
        if pid == child:
            status = ended
            # Invariant: the end is reported only when no process of the guest is alive.
            alone = _kill_all()
        if alone:
            break
    return wire.Ended(status, round(cpu * 1e6), peak * 1024)


def _reap() -> Iterator[tuple[int, int, float, int]]:
    with suppress(ChildProcessError):
        while True:
            pid, status, usage = os.wait4(-1, 0)
            yield pid, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def _kill_all() -> bool:
    """Kill every other process of the namespace; return True if there was none."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        return True
    return False
