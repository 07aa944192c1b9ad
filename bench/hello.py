"""A hello-world task through the SDK over an appraised session: submitted, decrypted, verified."""

from __future__ import annotations

import secrets
import subprocess
import time
from pathlib import Path

from adyton.client import Session, fetch, prepare_task, submit, task_limits
from adyton.protocol.genesis import Genesis
from bench import server
from bench.figure import Figure, Floor, Goal
from bench.plan import Plan
from bench.processes import REAL_PYTHON
from bench.summary import BenchError, Summary, times

_WARM_UP = 3
_MS = 1000


def measure(plan: Plan) -> list[Figure]:
    """Measure unique tasks one after another, and the plain processes that are their floor."""
    place = plan.directory("hello")
    running = plan.server()
    with server.session(running.url, running.fingerprint, place / "keys") as session:
        for _ in range(_WARM_UP):
            one_task(session)
        taken, plain = [], []
        for number in range(plan.tasks):
            taken.append(one_task(session))
            # Floor and figure take turns: on a shared machine, the next minute is another machine.
            if number < plan.floors:
                plain.append(plain_python(place))
    whole = Summary.of([sum(parts) for parts in taken])
    submitted = Summary.of([parts[0] for parts in taken])
    fetched = Summary.of([parts[1] for parts in taken])
    python = Summary.of(plain)
    true = Summary.of(times(lambda: subprocess.run(["/bin/true"], check=True), plan.floors))
    note = (
        f"{whole.count} unique tasks, p99 {_MS * whole.p99:.1f} ms; submit p50 "
        f"{_MS * submitted.p50:.1f} ms, wait and fetch p50 {_MS * fetched.p50:.1f} ms; sandbox: "
        f"{running.sandbox.partition(' ')[0]}"
    )
    return [
        Figure(
            "hello-world task, p50", _MS * whole.p50, "ms", Goal(20),
            Floor(_MS * python.p50, "fork, exec python -I -S -c of the same script"), note,
        ),
        Figure("spawn of /bin/true, p50", _MS * true.p50, "ms", note=f"p99 {_MS * true.p99:.1f} ms"),
    ]  # fmt: skip


def hello() -> tuple[str, bytes]:
    """Return a script that was never run before, and what it prints."""
    word = secrets.token_hex(8)
    return f"print('hello, {word}')\n", f"hello, {word}\n".encode()


def one_task(session: Session) -> tuple[float, float]:
    """Run one unique task; return the seconds of submitting, and of waiting for and opening its end.

    Raises:
        BenchError: it printed something else.
    """
    code, expected = hello()
    granted = Genesis.decode(session.pin.genesis).configuration.tasks
    begun = time.perf_counter()
    prepared = prepare_task(
        "hello.py",
        code.encode(),
        task_limits=task_limits(granted),
        created_ms=session.now_ms(),
    )
    record = submit(session, prepared)
    accepted = time.perf_counter()
    done = fetch(session, record, timeout_s=60)
    ended = time.perf_counter()
    if done.result.exit_code != 0 or done.result.stdout != expected:
        raise BenchError("a task printed something else than its script says")
    return accepted - begun, ended - accepted


def plain_python(place: Path) -> float:
    """Run a hello-world script as a plain process; return its seconds."""
    code, expected = hello()
    command = [REAL_PYTHON, "-I", "-S", "-c", code]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, cwd=place, check=True)
    taken = time.perf_counter() - begun
    if done.stdout != expected:
        raise BenchError("a plain script printed something else")
    return taken
