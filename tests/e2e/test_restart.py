"""Stop and start, or kill, keep everything; the sealed root reopens unattended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import Client, Server, until


@pytest.fixture
def kept(server: Server) -> Iterator[Server]:
    """The module's server: what one test leaves on its disk is there when the next stops it."""
    yield server
    try:
        assert server.pid
    except RuntimeError:  # a test has failed in between
        server.options = ()
        server.start()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_everything_is_kept(
    kept: Server, client: Client, tmp_path: Path, how: signal.Signals
) -> None:
    script = tmp_path / "task.py"
    script.write_text("print('before')")
    before = client.json("run", str(script))
    fingerprint = kept.fingerprint
    kept.stop(how)
    kept.start()
    assert kept.fingerprint == fingerprint
    assert client.json("results", before["task"])["stdout"] == "before\n"
    assert client.run("verify", before["certificate"]).returncode == 0
    after = client.json("run", str(script))
    assert after["stdout"] == "before\n"
    assert client.run("verify", after["certificate"]).returncode == 0
    client.ok("chain", "sync")
    client.ok("chain", "verify")


def test_an_interrupted_task_is_run_again(kept: Server, client: Client, tmp_path: Path) -> None:
    script = tmp_path / "task.py"
    # Not before it was stopped, however long the stop takes to come.
    ends = time.time() + 6
    script.write_text(
        f"import time\nwhile time.time() < {ends}: time.sleep(0.05)\nprint('done at last')"
    )
    accepted = client.json("run", str(script), "--no-wait")
    kept.stop(signal.SIGKILL)
    kept.start()
    shown = client.json("results", accepted["task"])
    assert shown.get("stdout") == "done at last\n", shown
    assert shown["run_info"]["attempt"] == 2


def test_a_dead_enclave_is_started_again(kept: Server, client: Client, tmp_path: Path) -> None:
    script = tmp_path / "task.py"
    script.write_text("print('again')")
    client.ok("run", str(script))
    (enclave,) = kept.children()
    os.kill(enclave, signal.SIGKILL)
    until(
        lambda: enclave not in kept.children() and len(kept.children()) == 1,
        "a new enclave",
    )
    assert client.ok("run", str(script)) == "again\n"


def test_another_configuration_is_refused(kept: Server) -> None:
    fingerprint = kept.fingerprint
    kept.stop()
    kept.options = ("--workers", "7")
    with pytest.raises(RuntimeError, match="config_mismatch"):
        kept.start()
    kept.stop()
    kept.options = ()
    kept.start()
    assert kept.fingerprint == fingerprint
