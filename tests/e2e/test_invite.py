"""A server that admits by invitation serves whom its operator invited, and nobody else."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command import Client, Server, serving


def _invitation(client: Client, server: Server, operator: Client, path: Path) -> str:
    key = client.ok("whoami").strip()
    operator.ok("invite", key, "--data", str(server.data), "--out", str(path))
    return str(path)


def test_only_who_is_invited_is_served(tmp_path: Path) -> None:
    script = tmp_path / "task.py"
    script.write_text("print('invited')")
    with serving(tmp_path / "data", "--admission", "invite") as server:
        assert server.facts["admission"].startswith("invite;")
        pin = ("trust", server.url, "--fingerprint", server.fingerprint)
        alice, bob = Client(tmp_path / "alice", server), Client(tmp_path / "bob", server)
        operator = Client(tmp_path / "operator", server)
        alice.trust()
        refused = alice.run("run", str(script))
        assert refused.returncode == 125
        assert "not_admitted" in refused.stderr
        assert "adyton whoami" in refused.stderr
        invitation = _invitation(alice, server, operator, tmp_path / "alice.invite")
        alice.ok(*pin, "--invite", invitation)
        assert alice.ok("run", str(script)) == "invited\n"
        # It is hers: another client can neither keep it nor get in without one.
        stolen = bob.run(*pin, "--invite", invitation)
        assert stolen.returncode == 2
        assert "for another client" in stolen.stderr
        bob.trust()
        assert "not_admitted" in bob.run("run", str(script)).stderr
