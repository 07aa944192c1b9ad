"""The demonstration, as two people would do it: an operator with a server, a client with private data.

Everything goes through the `adyton` command, each side with a directory of its own. Run by `make demo`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ADYTON = Path(sys.executable).with_name("adyton")
TABLE = HERE / "patients.csv"
START_S = 60.0


def say(text: str = "") -> None:
    print(text, flush=True)


def step(number: int, title: str) -> None:
    say(f"\n── {number}. {title} " + "─" * max(0, 74 - len(title)))


def operator_view(could: str, could_not: str) -> None:
    say(f"   operator sees : {could}")
    say(f"   and not       : {could_not}")


class Person:
    """Somebody with a directory and the `adyton` command."""

    def __init__(self, home: Path, server: str) -> None:
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "ADYTON_HOME": str(home),
            "ADYTON_SERVER": server,
        }

    def allow_simulated(self) -> None:
        self.environment["ADYTON_ALLOW_SIMULATED"] = "1"

    def run(self, *arguments: str, expect: int = 0, cwd: Path | None = None) -> str:
        """Run a command, show it, and return its standard output; another exit code ends the demonstration."""
        say(f"   $ adyton {' '.join(arguments)}")
        done = subprocess.run(
            [str(ADYTON), *arguments],
            env=self.environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != expect:
            say(done.stdout + done.stderr)
            raise SystemExit(f"expected exit code {expect}, got {done.returncode}")
        return done.stdout if expect == 0 else done.stderr


def show(text: str) -> None:
    for line in text.rstrip().splitlines():
        say(f"     {line}")


def start_server(data: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """Start a server on a free port; return it and what it says of itself, up to the fingerprint."""
    log = data.parent / "server.log"
    server = subprocess.Popen(
        [str(ADYTON), "serve", "--data", str(data), "--port", "0", "--allow-simulated"],
        stdout=subprocess.PIPE,
        stderr=log.open("w"),
        text=True,
    )
    if server.stdout is None:
        raise SystemExit("the server has no standard output")
    facts: dict[str, str] = {}
    for line in server.stdout:
        name, _, value = line.strip().partition(": ")
        facts[name] = value
        if name == "fingerprint":
            return server, facts
    server.wait(START_S)
    show(log.read_text())
    raise SystemExit("the server did not start")


def operator_finds(data: Path, secret: bytes) -> int:
    """Search everything that the operator has stored, as it would."""
    return sum(secret in file.read_bytes() for file in data.rglob("*") if file.is_file())


def flip_one_byte(data: Path, task: str) -> None:
    """Alter one byte of the stored record of a task, as an operator could."""
    (database,) = (file for file in data.rglob("*") if file.name.endswith((".sqlite", ".db")))
    with sqlite3.connect(database) as connection:
        leaf, public = connection.execute(
            "SELECT e.leaf_index, e.public FROM entries e JOIN task_index t USING (leaf_index) WHERE t.task_hash = ?",
            (bytes.fromhex(task),),
        ).fetchone()
        altered = bytearray(public)
        altered[len(altered) // 2] ^= 1
        connection.execute(
            "UPDATE entries SET public = ? WHERE leaf_index = ?", (bytes(altered), leaf)
        )


def demonstrate(root: Path) -> None:
    data = root / "operator"
    step(1, "an operator with a spare server starts it")
    say(f"   $ adyton serve --data {data.name} --allow-simulated")
    server, facts = start_server(data)
    try:
        say(f"     serving: {facts['serving']}")
        say(f"     fingerprint: {facts['fingerprint']}")
        say(
            "   This machine has no TEE: the platform is SIMULATED. Whoever owns it could read everything in memory;"
        )
        say("   all else below is real.")
        as_clients(root, data, facts)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(START_S)


def as_clients(root: Path, data: Path, facts: dict[str, str]) -> None:
    client = Person(root / "client", facts["serving"])
    step(2, "a client pins the fingerprint, which came another way (a phone call, a web page)")
    say("   Without explicit consent, a simulated platform is refused:")
    show(client.run("trust", facts["serving"], "--fingerprint", facts["fingerprint"], expect=5))
    client.allow_simulated()
    say("   With it (ADYTON_ALLOW_SIMULATED=1):")
    show(client.run("trust", facts["serving"], "--fingerprint", facts["fingerprint"]))
    operator_view(
        "that an address asked for evidence, and later for a key",
        "the key: each client has its own",
    )

    step(3, "the client runs its script on its private table")
    out = root / "results"
    command = ("run", str(HERE / "study.py"), "patients.csv", "--input", str(TABLE))
    done = json.loads(client.run(*command, "--out", str(out), "--json"))
    show(done["stdout"])
    show((out / "model.json").read_text())
    info = done["run_info"]
    say(f"     ran {info['wall_us'] / 1000:.0f} ms in the sandbox, exit code {done['exit_code']}")
    secret = TABLE.read_text().splitlines()[1].split(",")[0].encode()
    found = operator_finds(data, secret)
    if found:
        raise SystemExit("a patient's name lies in the operator's files")
    operator_view(
        "when, how large (in classes), which address, how long",
        f"script, table, result: '{secret.decode()}' is in none of its files",
    )

    step(4, "anybody to whom the client gives the certificate can verify it, offline")
    show(client.run("verify", done["certificate"]))

    step(5, "the client keeps the whole chain, and verifies it")
    show(client.run("chain", "sync"))
    show(client.run("chain", "verify"))

    step(6, "the operator alters one byte of what it has stored; another client looks")
    flip_one_byte(data, done["task"])
    other = Person(root / "other", facts["serving"])
    other.allow_simulated()
    other.run("trust", facts["serving"], "--fingerprint", facts["fingerprint"])
    show(other.run("chain", "sync", expect=4))
    say("\n   The lie is refused. The certificate of step 4 needs no server, and still holds:")
    show(client.run("verify", done["certificate"]).splitlines()[0])


def remove(root: Path) -> None:
    """Remove everything, the enclave's image too, whose directories are read-only to their owner."""
    for directory, _, _ in os.walk(root):
        Path(directory).chmod(0o700)
    shutil.rmtree(root)


def main() -> None:
    began = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="adyton-demo-"))
    try:
        demonstrate(root)
    finally:
        remove(root)
    say(f"\nDone in {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
