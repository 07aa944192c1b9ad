"""The zygote: a warm interpreter in its own namespaces that forks one cell per guest.

Standard library only. The enclave execs this file with an empty environment and one descriptor,
so this process never held a secret:

    python -I -S -B -X pycache_prefix=/dev/null/x -X utf8 zygote.py CONTROL_FD cgroup|rlimit
"""

import builtins
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Final, NoReturn

_HERE: Final = os.path.dirname(os.path.realpath(__file__))
_PACKAGE: Final = os.path.dirname(_HERE)

# The image is on the path for the zygote's own imports only: guests cannot import it.
sys.path.insert(0, os.path.dirname(_PACKAGE))
from adyton.sandbox import guest, kernel, landlock, namespaces, wire  # noqa: E402  # needs the path
from adyton.sandbox.furniture import Furniture  # noqa: E402  # needs the path
from adyton.sandbox.seccomp import Filter  # noqa: E402  # needs the path
from adyton.sandbox.warden import run_warden  # noqa: E402  # needs the path

sys.path.pop(0)

_FIRST_USER: Final = 1000
_USERS: Final = 60_000
_GUESTS_PER_CELL: Final = 50

# Imported once here, shared by all guests until they write to it. Each further module makes every
# fork and exit slower, so these are the ones that scripts on data begin with.
_WARM: Final = (
    "base64 bisect collections copy csv dataclasses datetime decimal enum fractions functools "
    "hashlib heapq io itertools json math operator pathlib random re statistics string struct "
    "threading time traceback typing zlib _sitebuiltins"
)


class Zygote:
    """Serves the enclave's requests for cells until the control socket closes."""

    def __init__(self, control: socket.socket, furniture: Furniture) -> None:
        self._control = control
        self._furniture = furniture
        self._self = os.pidfd_open(os.getpid())
        self._cells = 0
        self._wardens: dict[int, int] = {}

    def serve(self) -> None:
        """Fork a cell for each request, reap the wardens."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._control.fileno():
                    if self._control.recv(1) != wire.FORK:
                        return
                    poll.register(self._fork_cell(), select.POLLIN)
                else:
                    poll.unregister(descriptor)
                    os.waitpid(self._wardens.pop(descriptor), 0)
                    os.close(descriptor)

    def _fork_cell(self) -> int:
        theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        users = self._next_users()
        kernel.unshare(kernel.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            run_warden(ours, users, self._furniture)
        kernel.setns(self._self, kernel.CLONE_NEWPID)
        ours.close()
        pidfd = os.pidfd_open(pid)
        self._wardens[pidfd] = pid
        socket.send_fds(self._control, [wire.CELL], [theirs.fileno(), pidfd])
        theirs.close()
        return pidfd

    def _next_users(self) -> range:
        if not self._furniture.own_users:
            # A guest that shares its user with the warden could set the warden's priority and
            # affinity: no second guest in such a cell.
            return range(1)
        first = _FIRST_USER + self._cells * _GUESTS_PER_CELL % _USERS
        self._cells += 1
        return range(first, first + _GUESTS_PER_CELL)


def _prefix() -> str:
    return os.path.realpath(sys.base_prefix)


def _enter_jail(control: socket.socket, *, memory_capped: bool) -> tuple[Furniture, list[str]]:
    # 1. A user namespace gives the rights over the others; the enclave says who is who in it.
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID)
    control.send(wire.MAP_IDS)
    mapped = int(control.recv(16))
    # 2. The child is process 1 of the pid namespace: its death ends every cell.
    pid = os.fork()
    if pid != 0:
        control.close()
        os.waitpid(pid, 0)
        os._exit(0)
    # 3. The file system.
    namespaces.enter_private_namespaces()
    namespaces.build_root(_prefix(), _PACKAGE)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    options = namespaces.mount_own_proc()
    # 4. What all guests share.
    abi = landlock.abi()
    filter_ = Filter(memory_capped=memory_capped)
    layers = ["user", "pid", "mount", "network", "ipc", "uts", "cgroup", "seccomp"]
    layers += [f"landlock-{abi}"] if abi else []
    layers += ["proc"] if options is not None else []
    own_users = mapped > _FIRST_USER + _USERS
    layers += ["own-users"] if own_users else []
    return Furniture(filter_, abi, options, memory_capped, own_users), layers


def _erase_command_line() -> None:
    # A guest that is not exec'ed shares it, and it names the image's place on the host.
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, b"guest", min(5, end - start - 1))


def _default_signals() -> None:
    # The enclave's own choices must not reach guests.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals():
        ignored = signal.getsignal(number) == signal.SIG_IGN
        # Python itself ignores these two, and expects to.
        if ignored and number not in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)


def _warm_up() -> None:
    # From here on the standard library's own compiled files may be used: they are the jail's.
    sys.pycache_prefix = None
    for name in _WARM.split():
        importlib.import_module(name)
    quitter = importlib.import_module("_sitebuiltins").Quitter
    for name in ("exit", "quit"):
        setattr(builtins, name, quitter(name, "Ctrl-D (i.e. EOF)"))
    guest.forget([n for n in sys.modules if n.partition(".")[0] == "adyton"])
    gc.collect()
    gc.freeze()


def main() -> NoReturn:
    """Start the zygote; every failure is told to the enclave in words."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    try:
        os.umask(0o022)
        _default_signals()
        os.environ.clear()
        os.environ.update(guest.environment(_prefix()))
        _erase_command_line()
        furniture, layers = _enter_jail(control, memory_capped=sys.argv[2] == "cgroup")
        _warm_up()
        control.send(wire.SERVING + json.dumps(layers).encode())
        Zygote(control, furniture).serve()
    except Exception as error:  # noqa: BLE001  # the enclave must hear why
        text = f"{type(error).__name__}: {error}"
        control.send(wire.FAILED + text.encode("utf-8", "replace")[: wire.MESSAGE_MAX - 1])
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
