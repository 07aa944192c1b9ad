"""Fuzzed processes, forked from one that has imported and instrumented every target.

Instrumenting takes far longer than a short run, and is the same for all of them. Each run still has a process of its
own, which libFuzzer ends, and the limits of `fuzz.child`.

    python -m tests.fuzz.forked_fuzzers MODULE...    (a request in each line of standard input)
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from fuzz.target import ROOT


class ForkedFuzzers:
    """The process that fuzzed ones are forked from.

    Args:
        modules: where the targets are.
    """

    def __init__(self, *modules: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.forked_fuzzers", *modules],
            cwd=ROOT, env={"PYTHONPATH": os.pathsep.join(["src", "."]), "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip

    def close(self) -> None:
        """End it, and a run that has not ended."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def run(self, target: str, *, runs: int, place: Path) -> tuple[int, str]:
        """Fuzz one target; return the exit code, and what libFuzzer told.

        Args:
            target: its name.
            runs: at most so many inputs, those of the corpus included.
            place: an empty directory; what is found is written to `found` in it.
        """
        for name in ("grown", "found"):
            (place / name).mkdir()
        log = place / "log"
        flags = [str(place / "grown"), f"-runs={runs}", f"-artifact_prefix={place / 'found'}/"]
        given, told = self._process.stdin, self._process.stdout
        if given is None or told is None:
            raise TypeError("both are pipes")
        given.write(json.dumps({"target": target, "flags": flags, "log": str(log)}) + "\n")
        given.flush()
        status = told.readline()
        if not status:
            raise ChildProcessError("the process that fuzzed ones are forked from has ended")
        return int(status), log.read_text(errors="replace")


def _serve(modules: list[str]) -> None:
    """Fork a run for each request, and tell its exit code; a run never returns from here."""
    from fuzz.child import begin, instrumented

    targets = {name: target for module in modules for name, target in instrumented(module).items()}
    gc.collect()
    gc.freeze()  # else each run goes through all of it once more
    while line := os.read(0, 1 << 16):  # one at a time: nobody asks before the last is answered
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT)
            for stream in (1, 2):
                os.dup2(log, stream)
            begin(targets[asked["target"]], asked["flags"])
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1:])
