"""The `adyton` command and a real server, as people have them: processes, files, loopback ports."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.e2e.forked_commands import Forked

ADYTON = [sys.executable, "-m", "adyton.cli.main"]
START_S = 60.0


class Server:
    """A running `adyton serve`.

    Args:
        data: its directory.
        options: further flags.
        source: directory of the package; by default the one that is tested.
    """

    def __init__(self, data: Path, *options: str, source: Path | None = None) -> None:
        self.data = data
        self.source = source
        self.options = options
        self.log = data.parent / f"{data.name}.log"
        self.facts: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._port = "0"

    @property
    def url(self) -> str:
        return self.facts["serving"]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def fingerprint(self) -> str:
        return self.facts["fingerprint"]

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it, on the same port as before if there was one, and wait until it answers."""
        command = [*ADYTON, "serve", "--data", str(self.data), "--port", self._port]
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [*command, "--allow-simulated", *self.options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(self.source),
            )
        self._process = process
        timer = threading.Timer(START_S, process.kill)
        timer.start()
        try:
            for line in process.stdout or ():
                name, _, value = line.strip().partition(": ")
                self.facts[name] = value
                if name == "admission":
                    break
            else:
                process.wait(START_S)
                raise RuntimeError(f"the server did not start:\n{self.log.read_text()}")
        finally:
            timer.cancel()
        self._port = str(self.port)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        code = process.wait(START_S)
        if process.stdout is not None:
            process.stdout.close()
        return code

    def children(self) -> list[int]:
        """Return the process ids of the server's children: the enclave."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(child) for child in listed.split()]


class Client:
    """Somebody with a directory and the `adyton` command."""

    def __init__(self, home: Path, server: Server, *, simulated: bool = True) -> None:
        self.home = home
        self.server = server
        self.simulated = simulated

    def environment(self) -> dict[str, str]:
        made = environment(self.server.source)
        made.update(ADYTON_HOME=str(self.home), ADYTON_SERVER=self.server.url)
        if self.simulated:
            made["ADYTON_ALLOW_SIMULATED"] = "1"
        return made

    def run(
        self, *arguments: str, stdin: str = "", cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        env, place = self.environment(), cwd or self.home.parent
        forked = _forked(self.server.source)
        return forked.run(list(arguments), env=env, stdin=stdin, cwd=place, timeout=120)

    def ok(self, *arguments: str, stdin: str = "", cwd: Path | None = None) -> str:
        """Run a command that must succeed, and return its standard output."""
        done = self.run(*arguments, stdin=stdin, cwd=cwd)
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def json(self, *arguments: str, stdin: str = "") -> Any:
        """Run a command with `--json`, and return what it prints, whatever its exit code."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin).stdout)

    def trust(self) -> None:
        self.ok("trust", self.server.url, "--fingerprint", self.server.fingerprint)


def environment(source: Path | None = None) -> dict[str, str]:
    """Return a clean environment in which the package can be imported."""
    source = source or Path(__file__).parents[2] / "src"
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(source), "LANG": "C.UTF-8"}


@cache
def _forked(source: Path | None) -> Forked:
    """Return the process that this worker's commands of that package are forked from."""
    made = Forked(environment(source))
    atexit.register(made.close)
    return made


@contextmanager
def serving(data: Path, *options: str, source: Path | None = None) -> Iterator[Server]:
    """Give a running server, and end it."""
    server = Server(data, *options, source=source)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(0.02)
