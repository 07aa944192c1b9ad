"""Stop and start, or kill, keep everything; the sealed root reopens unattended."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.command import Client, serving, until


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_everything_is_kept(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path / "data") as server:
        client = Client(tmp_path / "home", server)
        client.trust()
        script = tmp_path / "task.py"
        script.write_text("print('before')")
        before = client.json("run", str(script))
        fingerprint = server.fingerprint
        server.stop(how)
        server.start()
        assert server.fingerprint == fingerprint
        assert client.json("results", before["task"])["stdout"] == "before\n"
        assert client.run("verify", before["certificate"]).returncode == 0
        after = client.json("run", str(script))
        assert after["stdout"] == "before\n"
        assert client.run("verify", after["certificate"]).returncode == 0
        client.ok("chain", "sync")
        client.ok("chain", "verify")


def test_an_interrupted_task_is_run_again(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        client = Client(tmp_path / "home", server)
        client.trust()
        script = tmp_path / "task.py"
        # Not before it was stopped, however long the stop takes to come.
        ends = time.time() + 6
        script.write_text(
            f"import time\nwhile time.time() < {ends}: time.sleep(0.05)\nprint('done at last')"
        )
        accepted = client.json("run", str(script), "--no-wait")
        server.stop(signal.SIGKILL)
        server.start()
        shown = client.json("results", accepted["task"])
        assert shown.get("stdout") == "done at last\n", shown
        assert shown["run_info"]["attempt"] == 2


def test_a_dead_enclave_is_started_again(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        client = Client(tmp_path / "home", server)
        client.trust()
        script = tmp_path / "task.py"
        script.write_text("print('again')")
        client.ok("run", str(script))
        (enclave,) = server.children()
        os.kill(enclave, signal.SIGKILL)
        until(
            lambda: enclave not in server.children() and len(server.children()) == 1,
            "a new enclave",
        )
        assert client.ok("run", str(script)) == "again\n"


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        server.stop()
        server.options = ("--workers", "7")
        with pytest.raises(RuntimeError, match="config_mismatch"):
            server.start()
        server.options = ()
        server.start()
