"""Nothing that the operator keeps holds what a client sent or got."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

from tests.e2e.command import Client, Server


def test_values_of_a_task_lie_nowhere_on_the_server(
    client: Client, server: Server, tmp_path: Path
) -> None:
    """The same value in code, input, argument, standard input, outputs: searched in four forms."""
    value = secrets.token_hex(16)
    script = tmp_path / "task.py"
    script.write_text(
        f"# {value}\nimport sys\n"
        "print(open('in.txt').read(), sys.argv[1], sys.stdin.read())\n"
        "print(sys.argv[1], file=sys.stderr)\n"
        "open('out/' + sys.argv[1], 'w').write(sys.argv[1] * 30000)\n"
    )
    (tmp_path / "in.txt").write_text(value)
    shown = client.json(
        *("run", str(script), value, "--input", str(tmp_path / "in.txt"), "--stdin", "-"),
        stdin=value,
    )
    assert shown["stdout"].count(value) == 3
    raw = bytes.fromhex(value)
    forms = [
        value.encode(),
        raw,
        base64.b64encode(raw).rstrip(b"="),
        raw[::-1],
        value[::-1].encode(),
    ]
    files = [file for file in server.data.rglob("*") if file.is_file()]
    assert files
    for file in [*files, server.log]:
        content = file.read_bytes()
        assert not [form for form in forms if form in content], file.name
    # The search can find: the client's own files hold the certificate's task hash.
    assert any(bytes.fromhex(shown["task"]) in file.read_bytes() for file in files)


def test_the_clients_keys_are_private_and_never_shown(client: Client, tmp_path: Path) -> None:
    script = tmp_path / "task.py"
    script.write_text("print('x')")
    done = client.run("run", str(script), "--json")
    for path in client.home.rglob("*"):
        if "certificates" not in path.parts:
            assert path.stat().st_mode & 0o077 == 0, path
    seeds = [path.read_bytes() for path in client.home.rglob("identity*") if path.is_file()]
    assert seeds
    for seed in seeds:
        assert seed[-32:].hex() not in done.stdout + done.stderr


def test_the_enclave_has_no_environment(server: Server) -> None:
    (enclave,) = server.children()
    assert Path(f"/proc/{enclave}/environ").read_bytes() == b""
    command = Path(f"/proc/{enclave}/cmdline").read_bytes().split(b"\0")
    assert b"-I" in command
    assert b"-S" in command
