"""`adyton run --local`: the same run in a throw-away node, of which nothing stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session
from adyton.client.records import Pin
from adyton.core.errors import Error
from tests.e2e.command import ADYTON, environment, until

CODE = """\
import sys
print("hello", sys.argv[1], open("in.txt").read(), sys.stdin.read())
print("to stderr", file=sys.stderr)
open("out/left.txt", "w").write("left")
sys.exit(7)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "task.py").write_text(CODE)
    (tmp_path / "in.txt").write_text("input")
    (tmp_path / "given.txt").write_text("given")
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.fixture
def env(place: Path) -> dict[str, str]:
    """A user who has no server, no keys, no consent, and a temporary directory of their own."""
    return environment() | {"HOME": str(place / "home"), "TMPDIR": str(place / "tmp")}


def local(place: Path, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ADYTON, "run", "--local", *arguments],
        env=env, cwd=place, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def of_this_run(place: Path) -> list[int]:
    """Return the processes whose command line names this run's directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(place).encode() in command:
                found.append(int(entry.name))
    return found


def test_it_runs_as_a_server_would_run_it(place: Path, env: dict[str, str]) -> None:
    done = local(
        place, env, "task.py", "world", "--input", "in.txt", "--stdin", "given.txt", "--out", "got"
    )
    assert (done.returncode, done.stdout) == (7, "hello world input given\n")
    assert "to stderr" in done.stderr
    assert "LOCAL DRY RUN" in done.stderr
    assert (place / "got" / "left.txt").read_text() == "left"
    assert "certificate" not in done.stderr


def test_nothing_is_kept(place: Path, env: dict[str, str]) -> None:
    done = local(place, env, "task.py", "x", "--json")
    told = json.loads(done.stdout)
    assert (told["local"], told["certificate"], told["exit_code"]) == (True, None, 1)
    assert not (place / "home").exists()
    assert list((place / "tmp").iterdir()) == []
    assert of_this_run(place) == []


def test_limits_and_the_sandbox_are_the_same(place: Path, env: dict[str, str]) -> None:
    (place / "slow.py").write_text("import time\ntime.sleep(60)")
    done = local(place, env, "slow.py", "--timeout", "1")
    assert done.returncode == 128 + signal.SIGKILL
    assert "over its limit" in done.stderr
    (place / "reach.py").write_text(
        "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 22), 1)\n"
        "except OSError as e:\n    print('refused')\n"
        f"try:\n    open({str(place / 'in.txt')!r})\nexcept OSError:\n    print('refused')\n"
    )
    assert local(place, env, "reach.py").stdout == "refused\nrefused\n"


@pytest.mark.parametrize(
    "option", [("--server", "http://127.0.0.1:1"), ("--certificate", "c"), ("--no-wait",)]
)
def test_options_that_make_no_sense_are_refused(
    place: Path, env: dict[str, str], option: tuple[str, ...]
) -> None:
    done = local(place, env, "task.py", *option)
    assert done.returncode == 125
    assert option[0] in done.stderr
    assert list((place / "tmp").iterdir()) == []


def test_nobody_else_can_use_the_node(place: Path, running: int) -> None:
    """Another user of the machine finds the port, and even the fingerprint: the node admits one key."""
    (directory,) = (place / "tmp").iterdir()
    assert directory.stat().st_mode & 0o077 == 0
    (pinned,) = (directory / "client" / "pins").iterdir()
    pin = Pin.decode(pinned.read_bytes())
    policy = AppraisalPolicy(allow_simulated=True)
    with Session(Keystore(place / "stranger"), HttpTransport(pin.server), policy) as session:
        session.trust(pin.fingerprint)
        with pytest.raises(Error, match="not_admitted"):
            session.first_contact()


@pytest.fixture
def running(place: Path, env: dict[str, str]) -> Iterator[int]:
    """The process id of a dry run whose task runs."""
    (place / "wait.py").write_text("import time; time.sleep(60)")
    process = subprocess.Popen(
        [*ADYTON, "run", "--local", str(place / "wait.py")],
        env=env, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        # A suite that runs in the background of a shell would hand down that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # one call, and no thread here holds a lock that it takes
    )  # fmt: skip
    # The enclave's image, and then the task's cell, name the directory or hold it open.
    until(lambda: len(of_this_run(place)) >= 2, "the node's processes")
    until(lambda: any((place / "tmp").glob("*/client/chains/*/*")), "the client's request")
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(place: Path, running: int, how: signal.Signals) -> None:
    os.kill(running, how)
    until(lambda: list((place / "tmp").iterdir()) == [], "the directory's end")
    until(lambda: of_this_run(place) == [] or of_this_run(place) == [running], "the processes' end")


def test_a_killed_run_leaves_no_process(place: Path, running: int) -> None:
    os.kill(running, signal.SIGKILL)
    until(lambda: [pid for pid in of_this_run(place) if pid != running] == [], "the enclave's end")
