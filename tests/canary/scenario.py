"""One value in all that a client keeps secret: code, input, argument, standard input, outputs, a notarized file."""

from __future__ import annotations

import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.canary.capture import Capture
from tests.canary.search import Hit, Search, holds
from tests.e2e.command import ADYTON, Client, Server, serving, until

_CODE = """\
# {text}
import sys, time
argument, data, given = sys.argv[1], open("in.bin", "rb").read(), sys.stdin.read()
assert argument == data.hex() == given == {text!r}
print(argument)
print(given[::-1], file=sys.stderr)
open("out/result.bin", "wb").write(data * 3)
open("out/large.txt", "w").write(argument * 20_000)
time.sleep(1.0)
"""


@dataclass(frozen=True)
class Found:
    """What was found of the value, by place, and whether each place was really searched.

    Attributes:
        during: hits in the host's memory while the task ran.
        searched: names of places where something that is no secret was looked for, and found.
    """

    data: list[Hit]
    logs: list[Hit]
    traffic: list[Hit]
    during: list[Hit]
    after: list[Hit]
    searched: frozenset[str]
    dropped: int


def run(place: Path, source: Path | None = None) -> Found:
    """Run a task and a notarization around one fresh value, and search for it everywhere outside of enclave and client.

    Args:
        place: directory for server and client.
        source: directory of the package; by default the one that is tested.
    """
    value = secrets.token_bytes(32)
    search = Search(value)
    files = place / "files"
    files.mkdir()
    (files / "task.py").write_text(_CODE.format(text=value.hex()))
    (files / "in.bin").write_bytes(value)
    (files / "secret.txt").write_bytes(value)
    with serving(place / "data", source=source) as server:
        client = Client(place / "home", server)
        client.trust()
        with Capture(server.port) as capture:
            during, task = _run_task(client, server, files, value, search)
            client.ok("notarize", str(files / "secret.txt"))
            after = search.in_process(server.pid)
        shown = {
            "traffic": any(task in stream for stream in capture.streams().values()),
            "memory": holds(server.pid, bytes.fromhex(server.fingerprint))
            or holds(server.pid, task),
        }
    stored = [file for file in server.data.rglob("*") if file.is_file()]
    shown["data"] = any(task in file.read_bytes() for file in stored)
    shown["logs"] = server.log.exists()
    return Found(
        search.in_directory(server.data),
        search.in_file(server.log),
        search.in_capture(capture),
        during,
        after,
        frozenset(name for name, found in shown.items() if found),
        capture.dropped,
    )


def _run_task(
    client: Client, server: Server, files: Path, value: bytes, search: Search
) -> tuple[list[Hit], bytes]:
    """Run the task, searching the host's memory meanwhile; return the hits and the task's hash."""
    out = files / "got"
    given = files / "stdin.txt"
    given.write_text(value.hex())
    command = [
        *ADYTON, "run", str(files / "task.py"), value.hex(), "--json",
        "--input", str(files / "in.bin"), "--stdin", str(given), "--out", str(out),
    ]  # fmt: skip
    log = files / "client.json"
    with log.open("wb") as told:
        running = subprocess.Popen(command, env=client.environment(), stdout=told, cwd=files)
    hits: list[Hit] = []
    rounds = 0
    try:
        while running.poll() is None:
            hits += search.in_process(server.pid)
            rounds += 1
    finally:
        running.kill()
        running.wait()
    until(lambda: log.stat().st_size > 0, "the client's answer")
    if running.returncode or not rounds or (out / "result.bin").read_bytes() != value * 3:
        raise AssertionError(f"the task did not run: {log.read_text()} {os.listdir(files)}")
    (task,) = [record["task"] for record in client.json("tasks")["tasks"]]
    return hits, bytes.fromhex(task)
