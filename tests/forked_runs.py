"""Runs in processes of their own, forked from one that has loaded what takes most of a short run's time.

The process that they are forked from is a module of the tests, which loads what it is for and then calls `serve`.
Commands of the product have a form of it of their own, since they have a caller's standard streams and threads:
`tests/e2e/forked_commands.py`.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parents[1]


class ForkedRuns:
    """The process that runs are forked from, one at a time.

    Args:
        module: its main module.
        arguments: of that module.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def close(self) -> None:
        """End it, and a run that has not ended."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def run(self, asked: dict[str, Any], log: Path) -> tuple[int, str]:
        """Return a run's exit code, negative where a signal ended it, and what it wrote to both its streams.

        Args:
            asked: what that module is told, as JSON.
            log: a file to write to; not there yet.

        Raises:
            ChildProcessError: the process that runs are forked from has ended.
        """
        given, told = self._process.stdin, self._process.stdout
        if given is None or told is None:
            raise TypeError("both are pipes")
        given.write(json.dumps({"asked": asked, "log": str(log)}) + "\n")
        given.flush()
        status = told.readline()
        if not status:
            raise ChildProcessError("the process that runs are forked from has ended")
        return int(status), log.read_text(errors="replace")


def serve(run: Callable[[dict[str, Any]], int]) -> None:
    """Fork a run for each line of standard input, and write its exit code to standard output."""
    gc.collect()
    gc.freeze()  # else each run goes through all of it once more
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request, run)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(request: dict[str, Any], run: Callable[[dict[str, Any]], int]) -> NoReturn:
    """Run, and end as a process of its own does: with its traceback, and with what is registered for the end."""
    for stream, path in enumerate((os.devnull, request["log"], request["log"])):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, stream)
        os.close(file)
    sys.exit(run(request["asked"]))
