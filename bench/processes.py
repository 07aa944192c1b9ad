"""Processes of the bench: their environment, their children, the CPU time they used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.summary import BenchError

ROOT = Path(__file__).resolve().parents[1]
REAL_PYTHON = os.path.realpath(sys.executable)  # what PATH names may be a shim
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def environment() -> dict[str, str]:
    """Return the environment of a child that imports the package and the bench.

    `ADYTON_BENCH_SOURCE` names another directory for the package: a copy whose sealing does nothing.
    """
    source = os.environ.get("ADYTON_BENCH_SOURCE") or str(ROOT / "src")
    return {**os.environ, "PYTHONPATH": os.pathsep.join((source, str(ROOT)))}


def start(module: str, arguments: Sequence[str], *, log: Path | None) -> subprocess.Popen[str]:
    """Start `python -m MODULE`; it talks by lines of JSON over its standard streams.

    Args:
        log: file for its standard error; None shares the bench's.
    """
    command = [sys.executable, "-m", module, *arguments]
    with open(log or os.devnull, "a") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if log is None else file,
            env=environment(),
            cwd=ROOT,
            text=True,
        )


def read_line(process: subprocess.Popen[str]) -> Any:
    """Return the next line of JSON that a child prints.

    Raises:
        BenchError: it ended instead.
    """
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise BenchError(f"a child ended with status {process.wait(10)}: {process.args!r:.200}")
    return json.loads(line)


def say(process: subprocess.Popen[str], value: Any) -> None:
    """Send a child a line of JSON."""
    if process.stdin is not None:
        process.stdin.write(json.dumps(value) + "\n")
        process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    """End a child: ask it, then make it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children, of all its threads."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return sorted(found)


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Return user and system time that a process and its threads have used, without children."""
    # The command's name, in parentheses, may hold anything; the fields begin behind it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S
