"""The command line, called in this process, with an honest server in memory behind its transport."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adyton.cli.main import main
from adyton.protocol.task import RunInfo, TaskResult
from tests.adversary import simulated_run
from tests.adversary.server_simulator import ServerSimulator

PagedServer = ServerSimulator  # what these tests call it


@dataclass
class Called:
    """What one command left."""

    status: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """What it printed, as the one JSON value it must be."""
        return json.loads(self.stdout)


Adyton = Callable[..., Called]


Ends = Callable[..., None]


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Decides how the tasks of this test end, in result and run information alike."""

    def decide(**changed: Any) -> None:
        def result(*fields: Any) -> TaskResult:
            return replace(TaskResult(*fields), **changed)

        def info(*fields: Any) -> RunInfo:
            return replace(RunInfo(*fields), exit_code=changed["exit_code"])

        monkeypatch.setattr(simulated_run, "TaskResult", result)
        monkeypatch.setattr(simulated_run, "RunInfo", info)

    return decide


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: Ends) -> PagedServer:
    """An honest server, reached under every address."""
    (tmp_path / "server").mkdir()
    ends(exit_code=0, stdout=b"42\n", stderr=b"")
    made = PagedServer(tmp_path / "server")
    monkeypatch.setattr("adyton.client.transport.HttpTransport", lambda url: made)
    return made


@pytest.fixture
def adyton(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Adyton:
    """Calls the command in a directory of its own; returns status and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADYTON_HOME", str(tmp_path / "home"))

    def call(*argv: str) -> Called:
        capfdbinary.readouterr()
        try:
            status = main(argv)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        captured = capfdbinary.readouterr()
        return Called(status, captured.out.decode(), captured.err.decode())

    return call


@pytest.fixture
def trusted(adyton: Adyton, server: PagedServer, monkeypatch: pytest.MonkeyPatch) -> Adyton:
    """The same, when the server is pinned and simulated platforms are allowed."""
    monkeypatch.setenv("ADYTON_ALLOW_SIMULATED", "1")
    called = adyton("trust", server.server, "--fingerprint", server.ledger.fingerprint.hex())
    assert called.status == 0
    return adyton


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A code file."""
    path = tmp_path / "job.py"
    path.write_text("print(42)\n")
    return path


def refused(called: Called, status: int, code: str) -> None:
    """Require that a command was refused, in words, with this status and code."""
    assert called.status == status
    assert called.stdout == ""
    assert f"[{code}]" in called.stderr
    assert "adyton: " in called.stderr


def has_line(text: str, *words: str) -> bool:
    """Whether one line has all the words."""
    return any(all(word in line for word in words) for line in text.splitlines())
