"""Nobody is trusted on first use, and simulation never passes unsaid."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command import Client, Server


def test_the_fingerprint_is_required(server: Server, tmp_path: Path) -> None:
    done = Client(tmp_path / "home", server).run("trust", server.url)
    assert done.returncode == 2
    assert "--fingerprint" in done.stderr


def test_another_fingerprint_is_refused_and_pins_nothing(server: Server, tmp_path: Path) -> None:
    client = Client(tmp_path / "home", server)
    wrong = ("0" if server.fingerprint[0] != "0" else "1") + server.fingerprint[1:]
    done = client.run("trust", server.url, "--fingerprint", wrong)
    assert done.returncode == 4
    assert "fingerprint_mismatch" in done.stderr
    assert "not_trusted" in client.run("chain", "sync").stderr


def test_simulation_is_refused_without_consent(server: Server, tmp_path: Path) -> None:
    client = Client(tmp_path / "home", server, simulated=False)
    done = client.run("trust", server.url, "--fingerprint", server.fingerprint)
    assert done.returncode != 0
    assert "simulated_refused" in done.stderr
    assert "--allow-simulated" in done.stderr


def test_consent_holds_for_one_command_only(server: Server, tmp_path: Path) -> None:
    client = Client(tmp_path / "home", server)
    client.trust()
    client.simulated = False
    script = tmp_path / "hello.py"
    script.write_text("print('hello')")
    done = client.run("run", str(script))
    assert done.returncode == 125
    assert "simulated_refused" in done.stderr


def test_simulation_is_said_loudly(server: Server, tmp_path: Path) -> None:
    client = Client(tmp_path / "home", server)
    done = client.run("trust", server.url, "--fingerprint", server.fingerprint)
    assert done.returncode == 0
    assert "SIMULATED" in done.stderr
    assert "SIMULATED" in server.log.read_text()


def test_nothing_runs_without_a_pin(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "hello.py"
    script.write_text("print('hello')")
    done = Client(tmp_path / "home", server).run("run", str(script))
    assert done.returncode == 125
    assert "not_trusted" in done.stderr
    assert "adyton trust" in done.stderr
