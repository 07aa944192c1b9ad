"""Certificates and receipts of a real server, verified by the oracle's command, as a stranger would."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.protocol.claims import IDENTITY_FIELDS
from tests.e2e.command import Client, Server, serving
from tests.e2e.identity_actors import Holder, Party
from tests.oracle.conftest import PYTHON, ROOT, Oracle


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oracle") / "data") as started:
        yield started


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Client:
    made = Client(tmp_path / "client", server)
    made.trust()
    return made


def asked(*arguments: str) -> tuple[int, Any]:
    """Run the oracle's command with `--json`, in an environment without the package."""
    command = [str(PYTHON), "-E", str(ROOT / "oracle" / "verify.py"), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={}, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def trusting(server: Server) -> tuple[str, ...]:
    return "--fingerprint", server.fingerprint, "--allow-simulated"


@pytest.mark.parametrize("opened", [(), ("stdout",), ("code", "exit_code", "stdout", "arguments")])
def test_a_run(
    oracle: Oracle, server: Server, client: Client, tmp_path: Path, opened: tuple[str, ...]
) -> None:
    script = tmp_path / "task.py"
    script.write_text("import sys; print('hello', sys.argv[1])")
    certificate = tmp_path / "run.certificate"
    show = ("--show", ",".join(opened)) if opened else ()
    client.ok("run", str(script), "world", "--certificate", str(certificate), *show)
    status, told = asked(str(certificate), *trusting(server))
    assert (status, told["verified"]) == (0, True)
    assert {step["state"] for step in told["steps"]} == {"passed"}
    shown = set(opened) or {"exit_code", "limits"}  # what is opened by default
    assert set(told["shown"]) == shown
    if "stdout" in opened:
        assert bytes.fromhex(told["shown"]["stdout"]) == b"hello world\n"
    # Ours says the same.
    ours = client.json("verify", str(certificate))
    assert set(ours["shown"]) == shown


def test_a_notarization(oracle: Oracle, server: Server, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "contract.txt"
    file.write_text("we agree\n")
    client.ok("notarize", str(file))
    receipt = f"{file}.receipt"
    assert asked(receipt, *trusting(server), "--content", str(file))[0] == 0
    file.write_text("we do not agree\n")
    status, told = asked(receipt, *trusting(server), "--content", str(file))
    assert (status, told["reason"]) == (4, "the receipt is of another content")
    states = [step["state"] for step in told["steps"]]
    assert states == ["passed"] * 4 + ["failed", "not reached"]


def test_a_verdict(oracle: Oracle, server: Server, client: Client, tmp_path: Path) -> None:
    issuer = client.json("credential", "issuer", "City Hall")["issuer"]
    kino, erika = Party.make(client, "Kino Nord", issuer), Holder.make(client)
    erika.given(client)
    whole, copy = tmp_path / "visit.receipt", tmp_path / "less.receipt"
    sealed = erika.seal(kino.ask(), tmp_path / "sealed")
    assert kino.present(sealed, "--receipt", str(whole))[0] == 0
    client.ok("verify", str(whole), "--redact", "party,policy,request", "--out", str(copy))
    for file, opened in ((whole, IDENTITY_FIELDS), (copy, IDENTITY_FIELDS[3:])):
        status, told = asked(str(file), *trusting(server))
        assert (status, told["reason"], sorted(told["shown"])) == (0, "", sorted(opened))
        assert bytes.fromhex(told["shown"]["answer"]) == b"yes"
    content = whole.read_bytes()
    changed = tmp_path / "changed"
    for at in range(0, len(content), 29):
        changed.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        assert oracle.verify(changed, fingerprint=[server.fingerprint]).reason, at


def test_every_flipped_byte_of_a_receipt_is_refused(
    oracle: Oracle, server: Server, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "contract.txt"
    file.write_text("we agree\n")
    client.ok("notarize", str(file))
    whole = Path(f"{file}.receipt").read_bytes()
    changed = tmp_path / "changed"
    for at in range(0, len(whole), 5):
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        assert oracle.verify(changed, fingerprint=[server.fingerprint]).reason, at


def test_without_a_pin_or_consent_nothing_is_believed(
    oracle: Oracle, server: Server, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "contract.txt"
    file.write_text("we agree\n")
    client.ok("notarize", str(file))
    receipt = f"{file}.receipt"
    for arguments in ((), ("--allow-simulated",), ("--fingerprint", server.fingerprint)):
        status, told = asked(receipt, *arguments)
        assert (status, told["verified"]) == (4, False)
    assert asked(str(tmp_path / "none"), *trusting(server))[0] == 2
    assert asked(receipt, "--fingerprint", "xyz")[0] == 2
