"""What README.md shows is run as it stands; only the fingerprint and the port are put in."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import Server, environment, serving

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PORT = "8384"
FINGERPRINT = "4a5c9c7e…"
NEXT = "@@ next command @@"


def block(mark: str) -> str:
    """Return the fenced block that follows an HTML comment."""
    (found,) = re.findall(rf"<!-- {mark} -->\n```\w+\n(.*?)```\n", README, re.DOTALL)
    assert isinstance(found, str)
    return found


def commands(session: str) -> list[tuple[str, list[str]]]:
    """Return each command of a terminal session with the lines shown below it."""
    listed: list[tuple[str, list[str]]] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            listed.append((line[2:], []))
        else:
            listed[-1][1].append(line)
    return listed


def shows(printed: list[str], shown: list[str]) -> bool:
    """Whether the lines shown are printed, in their order; `…` ends what is shown of a line."""
    left = iter(printed)
    return all(
        any(
            line.startswith(wanted.removesuffix("…")) if wanted.endswith("…") else line == wanted
            for line in left
        )
        for wanted in shown
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that looks like a fresh clone, as far as the examples reach."""
    made = tmp_path_factory.mktemp("clone")
    (made / "examples").symlink_to(ROOT / "examples")
    (made / "contracts").symlink_to(ROOT / "contracts")
    (made / "bin").mkdir()
    adyton = made / "bin" / "adyton"
    adyton.write_text(f'#!/bin/sh\nexec {sys.executable} -m adyton.cli.main "$@"\n')
    adyton.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def readme_server(place: Path) -> Iterator[Server]:
    """The server of README's operator."""
    with serving(place / "adyton-data") as server:
        yield server


def put_in(text: str, server: Server) -> str:
    return text.replace(PORT, str(server.port)).replace(FINGERPRINT, server.fingerprint)


def test_the_operator_s_session(readme_server: Server) -> None:
    ((command, shown),) = commands(block("server-session"))
    assert shlex.split(command) == ["adyton", "serve", "--data", readme_server.data.name]
    printed = [f"{name}: {value}" for name, value in readme_server.facts.items()]
    assert shows(printed, [put_in(line, readme_server) for line in shown])
    # Where README replaces nothing: the port that it shows is the one that is taken by default.
    options = subprocess.run(
        [sys.executable, "-m", "adyton.cli.main", "serve", "--help"],
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"default {PORT}" in options.stdout


def follow(steps: list[tuple[str, list[str]]], place: Path, **more: str) -> None:
    """Run a session's commands in one shell, and hold what they print against what is shown."""
    script = "set -e\n" + f"echo '{NEXT}'\n".join(f"{command}\n" for command, _ in steps)
    env = environment() | {"HOME": str(place)} | more
    env["PATH"] = f"{place / 'bin'}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=place, env=env, text=True, timeout=120, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    outputs = done.stdout.split(f"{NEXT}\n")
    assert len(outputs) == len(steps)
    for (command, shown), output in zip(steps, outputs, strict=True):
        assert shows(output.splitlines(), shown), f"{command}\n{output}"


def test_the_client_s_session(readme_server: Server, place: Path) -> None:
    steps = commands(put_in(block("client-session"), readme_server))
    assert 8 <= len(steps) <= 13
    follow(steps, place)
    assert (place / "results/model.json").stat().st_size > 0


def test_the_auction(readme_server: Server, place: Path) -> None:
    steps = commands(put_in(block("contract-session"), readme_server))
    assert len(steps) <= 13
    follow(steps, place, ADYTON_SERVER=readme_server.url, ADYTON_ALLOW_SIMULATED="1")


def test_the_wallet(readme_server: Server, place: Path) -> None:
    steps = commands(put_in(block("wallet-session"), readme_server))
    assert len(steps) <= 13
    follow(steps, place, ADYTON_SERVER=readme_server.url, ADYTON_ALLOW_SIMULATED="1")


def test_the_credential(readme_server: Server, place: Path) -> None:
    steps = commands(put_in(block("identity-session"), readme_server))
    assert len(steps) <= 13
    follow(steps, place, ADYTON_SERVER=readme_server.url, ADYTON_ALLOW_SIMULATED="1")


def test_the_python_example(readme_server: Server, place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", put_in(block("sdk-example"), readme_server)],
        cwd=place, env=environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 160 patients, mean drop 7.97 mmHg\n")


def test_what_is_not_printed_is_found() -> None:
    assert shows(["a", "b c", "d"], ["a", "b …"])
    assert not shows(["a", "b c"], ["b …", "a"])
    assert not shows(["a"], ["b"])
