"""From the command to serving, at the first start and the second; the image; evidence and its appraisal."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from adyton.attestation.node import appraise_node
from adyton.client import HttpTransport
from adyton.client.server_api import ServerApi
from adyton.client.session import wall_clock_ms
from adyton.core import limits
from adyton.core.measurement import STDLIB_SKIPPED, STDLIB_SKIPPED_PREFIX
from adyton.host.image import Image, build_image
from adyton.protocol.evidence import NodeEvidence
from bench import processes, server
from bench.figure import Figure, Floor
from bench.floors import check_s
from bench.plan import Plan
from bench.summary import BenchError, Summary, joined, spread, times

_APPRAISALS = 100
_MS = 1000
# What the host imports, and what the enclave does: neither can answer before its own.
_IMPORTS = ("import adyton.host.serve", "import cryptography.hazmat.primitives.hpke, nacl.bindings")


def measure(plan: Plan) -> list[Figure]:
    """Measure starts on new directories and on one that has been served, then what start does."""
    place = plan.directory("start")
    runs = min(plan.runs, 3)
    first = [started(place / f"data{run}") for run in range(runs)]
    second = [started(place / f"data{run}") for run in range(runs)]
    imports = median(sum(import_s(text) for text in _IMPORTS) for _ in range(runs))
    floor = Floor(_MS * imports, "host's and enclave's interpreters importing their libraries")
    builds = [built(place / f"image{run}") for run in range(runs)]
    image = builds[0][1]
    hashing = median(times(lambda: hash_files(image.path), runs))
    own = image.trusted_lines.own
    return [
        Figure(
            "start to serving, first", _MS * median(first), "ms", None, floor,
            joined("builds the image, makes device and chain", spread([_MS * one for one in first])),
        ),
        Figure(
            "start to serving, again", _MS * median(second), "ms", None, floor,
            spread([_MS * one for one in second]),
        ),
        Figure(
            "image built", _MS * median(taken for taken, _ in builds), "ms", None,
            Floor(_MS * hashing, "the same files and the standard library read and hashed"),
            f"{sum(1 for _ in image_files(image.path))} files, {own:,} measured lines of our own",
        ),
        *evidence(plan.server()),
    ]  # fmt: skip


def started(data: Path) -> float:
    """Return the seconds from starting the process until it answers; it is stopped again."""
    with server.running(data) as running:
        return running.started_s


def built(target: Path) -> tuple[float, Image]:
    """Return the seconds of building an image where there is none, and the image."""
    begun = time.perf_counter()
    image = build_image(target)
    return time.perf_counter() - begun, image


def import_s(text: str) -> float:
    """Return the seconds of a new process that runs an import."""

    def run() -> None:
        command = [sys.executable, "-c", text]
        subprocess.run(command, check=True, env=processes.environment())

    return times(run, 1)[0]


def image_files(image: Path) -> Iterator[Path]:
    """Yield every file of an image."""
    for directory, _, names in os.walk(image):
        for name in names:
            yield Path(directory, name)


def stdlib_files() -> Iterator[Path]:
    """Yield the files of the standard library that a measurement covers."""
    for directory, inner, names in os.walk(sysconfig.get_path("stdlib")):
        inner[:] = [
            name
            for name in inner
            if name not in STDLIB_SKIPPED and not name.startswith(STDLIB_SKIPPED_PREFIX)
        ]
        for name in names:
            yield Path(directory, name)


def hash_files(image: Path) -> int:
    """Read and hash what the measurement covers; return the number of bytes."""
    size = 0
    for files in (image_files(image), stdlib_files()):
        for path in files:
            content = path.read_bytes()
            hashlib.sha384(content).digest()
            size += len(content)
    return size


def evidence(running: server.Server) -> list[Figure]:
    """Measure what a client fetches and appraises once in a while.

    Raises:
        BenchError: the server shows other evidence than asked for.
    """
    api = ServerApi(HttpTransport(running.url))
    nonce = secrets.token_bytes(limits.NONCE)
    encoded = api.get_evidence(nonce)
    api.transport.close()
    node = NodeEvidence.decode(encoded)
    if node.encode() != encoded:
        raise BenchError("the evidence has another encoding")
    taken = Summary.of(
        times(
            lambda: appraise_node(
                NodeEvidence.decode(encoded),
                fingerprint=bytes.fromhex(running.fingerprint),
                policy=server.POLICY,
                nonce=nonce,
                now_ms=wall_clock_ms(),
            ),
            _APPRAISALS,
        )
    )
    return [
        Figure("evidence of a node", len(encoded), "B", note="both roles, genesis, epoch record"),
        Figure(
            "its appraisal, p50", _MS * taken.p50, "ms", None,
            Floor(_MS * check_s(), "one Ed25519 verification and 20 SHA-256"),
            f"p99 {_MS * taken.p99:.2f} ms; once in {limits.APPRAISAL_REUSE_S} s",
        ),
    ]  # fmt: skip
