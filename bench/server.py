"""Starts the real server, and clients of it that appraise it as any other would."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session
from bench import processes
from bench.summary import BenchError

POLICY = AppraisalPolicy(allow_simulated=True)


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        pid: of the host's process.
        enclave_pid: of the enclave's, its only child.
        started_s: from the start of the process until it answered.
    """

    url: str
    port: int
    fingerprint: str
    sandbox: str
    pid: int
    enclave_pid: int
    started_s: float


@contextlib.contextmanager
def running(data: Path, *, samples: Path | None = None) -> Iterator[Server]:
    """Run a server on a data directory; it is ended by its process id.

    Args:
        samples: file for samples of its event loop's thread; by default none are taken.

    Raises:
        BenchError: it does not start; its log lies beside the data.
    """
    log = data.with_name(data.name + ".log")
    arguments = [str(data)] if samples is None else [str(data), str(samples)]
    begun = time.perf_counter()
    process = processes.start("bench.serve_child", arguments, log=log)
    try:
        try:
            facts = processes.read_line(process)
        except BenchError as problem:
            raise BenchError(f"{problem}\n{log.read_text()[-2000:]}") from problem
        started_s = time.perf_counter() - begun
        found = processes.children(process.pid)
        if len(found) != 1:
            raise BenchError(f"the server has {len(found)} children instead of the enclave")
        yield Server(**facts, pid=process.pid, enclave_pid=found[0], started_s=started_s)
    finally:
        processes.end(process)


@contextlib.contextmanager
def session(url: str, fingerprint: str, keys: Path) -> Iterator[Session]:
    """Open a client's session with its own keystore: appraised, tickets at hand."""
    with Session(Keystore(keys), HttpTransport(url), POLICY) as opened:
        opened.trust(bytes.fromhex(fingerprint))
        opened.first_contact()
        yield opened
