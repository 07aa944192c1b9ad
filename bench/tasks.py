"""Correct tasks a second with several clients at one time."""

from __future__ import annotations

import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from bench import processes, server, work
from bench.figure import Figure, Floor, Goal
from bench.plan import Plan
from bench.processes import REAL_PYTHON, cpu_seconds
from bench.summary import BenchError, joined, rate, spread

_WORKERS = 2  # of the plain subprocesses: as many as the server's configuration has by default


def measure(plan: Plan) -> list[Figure]:
    """Measure clients with unique inputs against one server, and the same scripts as plain processes."""
    place = plan.directory("tasks")
    runs, count = min(plan.runs, 3), plan.clients * plan.tasks_each
    running = plan.server()
    before = cpu_seconds(running.pid), cpu_seconds(running.enclave_pid)
    rates, floors = [], []
    for run in range(runs):
        rates.append(one_run(plan, running, place / f"keys{run}"))
        floors.append(plain_rate(place, count))
    after = cpu_seconds(running.pid), cpu_seconds(running.enclave_pid)
    every = runs * plan.clients * (plan.tasks_each + 1)
    host, enclave = ((end - begin) / every * 1000 for begin, end in zip(before, after, strict=True))
    note = joined(
        f"{count} unique tasks each run, every output recomputed and equal",
        spread(rates),
        f"floor: {spread(floors)}" if runs > 1 else "",
        f"CPU per task, guests not counted: host {host:.1f} ms, enclave {enclave:.1f} ms",
    )
    return [
        Figure(
            f"correct tasks, {plan.clients} clients", median(rates), "/s", Goal(100, at_least=True),
            Floor(median(floors), f"the same scripts as plain processes, {_WORKERS} workers"), note,
        )
    ]  # fmt: skip


def one_run(plan: Plan, running: server.Server, keys: Path) -> float:
    """Run all clients at once; return correct tasks a second, from the first begun to the last end.

    Raises:
        BenchError: an output was wrong.
    """
    keys.mkdir(mode=0o700)
    clients = [
        processes.start(
            "bench.task_client",
            [running.url, running.fingerprint, str(keys / str(number)), str(plan.tasks_each)],
            log=None,
        )
        for number in range(plan.clients)
    ]
    try:
        for client in clients:
            processes.read_line(client)
        for client in clients:
            processes.say(client, "go")
        told = [processes.read_line(client) for client in clients]
    finally:
        for client in clients:
            processes.end(client)
    count = plan.clients * plan.tasks_each
    correct = sum(one["correct"] for one in told)
    if correct != count:
        raise BenchError(f"{count - correct} of {count} tasks gave a wrong output")
    return rate(correct, max(one["ended"] for one in told) - min(one["begun"] for one in told))


def plain_rate(place: Path, count: int) -> float:
    """Run the same scripts as plain processes; return how many a second.

    Raises:
        BenchError: an output was wrong.
    """
    jobs = [work.make() for _ in range(count)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        begun = time.perf_counter()
        correct = sum(pool.map(lambda one: plain(place, one), jobs))
        taken = time.perf_counter() - begun
    if correct != count:
        raise BenchError("a plain script gave a wrong output")
    return rate(count, taken)


def plain(place: Path, one: work.Work) -> bool:
    """Run one script in a directory of its own; say whether it left what it had to."""
    with tempfile.TemporaryDirectory(dir=place) as directory:
        there = Path(directory)
        (there / "out").mkdir()
        (there / work.FILE_NAME).write_bytes(work.CODE)
        (there / work.INPUT_NAME).write_bytes(one.content)
        command = [REAL_PYTHON, "-I", "-S", work.FILE_NAME, one.label]
        done = subprocess.run(command, capture_output=True, cwd=there, check=True)
        return done.stdout == one.stdout and (there / "out/sorted.txt").read_bytes() == one.output
