"""Commands as processes of their own, forked from one that has imported what they need.

What a command does, it does in its own process, with its own arguments, environment, standard streams and exit code.
What takes most of a short command's time is not done by each: imports, the decoders of messages and the parser of the
command line were made before it was forked, and the interpreter's objects are not destroyed one by one when it ends.

    python -m tests.e2e.forked_commands CONTROL    (the descriptor of a socket)
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_REQUEST = 1 << 20
_PRELOADED = ("adyton.cli", "adyton.client", "adyton.attestation", "adyton.protocol")


class Forked:
    """The process that commands are forked from; usable from several threads.

    Args:
        environment: of that process; each command has its own.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        root = Path(__file__).parents[2]
        path = os.pathsep.join([environment["PYTHONPATH"], str(root)])
        with theirs:
            subprocess.run(
                [sys.executable, "-m", "tests.e2e.forked_commands", str(theirs.fileno())],
                env={**environment, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                check=True,
            )

    def close(self) -> None:
        """End it, when its last command has ended."""
        self._control.close()

    def run(
        self, arguments: list[str], *, env: dict[str, str], stdin: str, cwd: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `adyton` with these arguments to its end.

        Raises:
            subprocess.TimeoutExpired: it did not end in time, and was killed.
        """
        asked = json.dumps({"argv": arguments, "env": env, "cwd": str(cwd)}).encode()
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin.encode())
            given.seek(0)
            ours, theirs = socket.socketpair()
            with ours:
                with theirs, self._lock:
                    files = [file.fileno() for file in (given, out, err, theirs)]
                    socket.send_fds(self._control, [asked], files)
                status = self._awaited(ours, arguments, timeout)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(arguments, status, *texts)

    @staticmethod
    def _awaited(ours: socket.socket, arguments: list[str], timeout: float) -> int:
        pid = int.from_bytes(_whole(ours), "big")
        ours.settimeout(timeout)
        try:
            status = _whole(ours)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, timeout) from None
        return int.from_bytes(status, "big", signed=True)


def _whole(ours: socket.socket) -> bytes:
    """Return a number that is told; one of no bytes would be taken for success."""
    told = ours.recv(4)
    if len(told) != 4:
        raise RuntimeError("the process that commands are forked from has ended")
    return told


def _serve(control: socket.socket) -> None:
    """Fork a command for each request, until nobody asks any more; a command returns from here with its exit."""
    waiting: dict[int, socket.socket] = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(waiting)
        if control.fileno() in ready:
            asked, files, _, _ = socket.recv_fds(control, _REQUEST, 4)
            if not asked:
                return
            told = socket.socket(fileno=files.pop())
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for held in (control, told, *waiting.values()):
                    held.close()
                os.close(woken)
                os.close(wake)
                _become(json.loads(asked), files)
            for file in files:
                os.close(file)
            with contextlib.suppress(OSError):
                told.send(pid.to_bytes(4, "big"))
            waiting[pid] = told


def _reap(waiting: dict[int, socket.socket]) -> None:
    for pid in list(waiting):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            # Whoever asked may have given up.
            with waiting.pop(pid) as told, contextlib.suppress(OSError):
                told.send(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become(asked: dict[str, Any], files: list[int]) -> None:
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.argv = ["adyton", *asked["argv"]]
    from adyton.cli.main import main

    status = 1
    try:
        status = _status(main)
        # As the interpreter ends, up to here.
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001  # nothing may go back into the loop that forked this
        traceback.print_exc()
        sys.stderr.flush()
        status = 1
    finally:
        os._exit(status)


def _status(main: Callable[[], int]) -> int:
    """Return the exit status as the interpreter has it."""
    try:
        return main()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1


def _preload() -> None:
    for name in _PRELOADED:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    from adyton.cli import main
    from adyton.core.errors import MalformedError
    from adyton.core.schema import REGISTRY

    for message in REGISTRY.values():
        with contextlib.suppress(MalformedError):
            message.from_value(None)  # its decoder is made when it is first asked
    # The parser is the same for every command.
    main.parser = functools.cache(main.parser)
    main.parser()


if __name__ == "__main__":
    # Nobody's child: other tests count those of the process that they run in.
    if os.fork():
        os._exit(0)
    _preload()
    gc.freeze()  # else each command goes through all of it once more when it ends
    _serve(socket.socket(fileno=int(sys.argv[1])))
