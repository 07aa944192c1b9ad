"""Sealed calls of a contract over HTTP: a transfer between two of a thousand accounts, receipt and commit in each.

    python -m bench.contract_calls DATA PLACE REQUESTS ALONE RUNS

Starts a server on DATA, deploys, posts, checks, and prints one line of JSON. It is a program of its own so that the
same can be measured over a copy of the sources in which sealing does nothing.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adyton.protocol import contract as protocol
from adyton.protocol.contract import Result
from bench import processes, server
from bench.envelopes import Sealed, Sealer, opened_all
from bench.load import Load, many_and_alone, post_all
from bench.summary import BenchError

MODULE = processes.ROOT / "contracts" / "built" / "ledger_bench.wasm"
ACCOUNTS = 1000
_FUEL = 10_000_000
_OPENING = 200_000_000


def calls(
    sealer: Sealer, port: int, place: Path, watched: Sequence[int], address: bytes
) -> tuple[Any, Any]:
    """Return functions that post so many calls, so many in flight; the second returns the encoded body of one."""

    def sealed() -> Sealed:
        arguments = protocol.Call(address, "transfer", transfer(), _FUEL).encode()
        return sealer.request(protocol.APP, protocol.CALL, arguments)

    def post(count: int, in_flight: int) -> Load:
        sent = [sealed() for _ in range(count)]
        load = post_all(port, [one.body for one in sent], in_flight, place, watched)
        for opened in opened_all(sealer, sent, load.answers):
            result = Result.decode(opened.result)
            if result.status != "done" or result.usage.reads != 2:
                raise BenchError(f"a call was not carried out: {result.status} {result.reason}")
        return load

    return post, sealed


def transfer() -> bytes:
    """Return the input of a transfer between two accounts at random: two gets, two sets."""
    one = secrets.randbelow(ACCOUNTS)
    other = (one + 1 + secrets.randbelow(ACCOUNTS - 1)) % ACCOUNTS
    return one.to_bytes(4, "little") + other.to_bytes(4, "little") + (1).to_bytes(8, "little")


def opening() -> bytes:
    """Return the input of `init`."""
    return ACCOUNTS.to_bytes(4, "little") + (10**12).to_bytes(8, "little")


def deploy(sealer: Sealer, port: int, place: Path) -> bytes:
    """Deploy the contract, and return its address."""
    asked = protocol.Deploy(MODULE.read_bytes(), opening(), "never", "single-host", 0, _OPENING)
    sent = [sealer.request(protocol.APP, protocol.DEPLOY, asked.encode())]
    load = post_all(port, [sent[0].body], 1, place)
    result = Result.decode(opened_all(sealer, sent, load.answers)[0].result)
    if result.status != "done":
        raise BenchError(f"the contract was not deployed: {result.reason}")
    return result.address


def measured(
    running: server.Server, place: Path, requests: int, alone: int, runs: int
) -> dict[str, Any]:
    """Return rates, latencies and CPU seconds a call: of enclave and engine together, host, load generator."""
    sealer = Sealer(running)
    try:
        address = deploy(sealer, running.port, place)
        engines = processes.children(running.enclave_pid)
        watched = (running.enclave_pid, running.pid, *engines)
        post, _ = calls(sealer, running.port, place, watched, address)
        return many_and_alone(post, requests, alone, runs)
    finally:
        sealer.close()


def main(data: str, place: str, requests: str, alone: str, runs: str) -> None:
    """Measure once, in this process's package."""
    with server.running(Path(data)) as running:
        told = measured(running, Path(place), int(requests), int(alone), int(runs))
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
