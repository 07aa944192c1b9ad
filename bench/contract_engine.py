"""The contract engine alone, and calls over a small and a large state; no HTTP, no disk."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from adyton.protocol import contract as protocol
from adyton.sandbox.wasm import wire
from adyton.sandbox.wasm.engine import Engine
from adyton.sandbox.wasm.run import CLIENT, Run
from adyton.sandbox.wasm.runtime import Runtime
from bench.contract_calls import ACCOUNTS, MODULE, opening, transfer
from bench.summary import BenchError, cost
from tests.contract_kit import ContractClient
from tests.host_simulator import HostSimulator, SimulatedClient

_NAME = bytes(32)
_FUEL = 10_000_000
_FILLED_AT_ONCE = 4000
# (module (memory (export "memory") 1) (func (export "call:x")))
_EMPTY = bytes.fromhex(
    "0061736d010000000104016000000302010005030100010713020"
    "66d656d6f7279020006 63616c6c3a780000 0a040102000b".replace(" ", "")
)


def _run(export: str, given: bytes = b"") -> Run:
    return Run(_NAME, export, given, _FUEL, False, bytes(32), (CLIENT, bytes(32)), 1, 1)


def _answer(tag: int, fields: list[bytes]) -> list[bytes]:
    if tag != wire.GET:
        raise BenchError("the contract asks for something else")
    return [b"\x01", (10**12).to_bytes(8, "little")]


def engine_s() -> tuple[float, float, float]:
    """Return CPU seconds of a call (two gets, two sets) in the engine's process, of an empty call, and the wall
    seconds of the same call over the process boundary."""
    runtime = Runtime(lambda tag, *fields: _answer(tag, list(fields)))
    runtime.load(_NAME, runtime.compile(MODULE.read_bytes()))

    def require(end_status: str) -> None:
        if end_status != "done":
            raise BenchError(f"a call ends as {end_status}")

    call = cost(
        lambda: require(runtime.run(_run("call:transfer", transfer())).status),
        clock=time.process_time,
    )
    runtime.load(_NAME, runtime.compile(_EMPTY))
    empty = cost(lambda: require(runtime.run(_run("call:x")).status), clock=time.process_time)
    engine = Engine()
    try:
        engine.load(_NAME, engine.compile(MODULE.read_bytes()))
        apart = cost(lambda: require(engine.run(_run("call:transfer", transfer()), _answer).status))
    finally:
        engine.close()
    return call, empty, apart


def state_s(place: Path, values: int, calls: int) -> tuple[float, float]:
    """Return seconds of one call in the enclave, with a thousand values in the contract's state and with `values`."""
    host = HostSimulator(place, sandbox=False)
    host.start()
    try:
        owner = SimulatedClient(host, secrets.token_bytes(32))
        owner.contact()
        client = ContractClient(host, owner)
        made = client.deploy(MODULE.read_bytes(), opening())
        if made.status != "done":
            raise BenchError(f"the contract was not deployed: {made.reason}")
        small = _calls_s(client, made.address, calls)
        _fill(host, made.address, ACCOUNTS, values)
        return small, _calls_s(client, made.address, calls)
    finally:
        host.stop()


def _fill(host: HostSimulator, address: bytes, first: int, last: int) -> None:
    """Put values into the contract's state, as so many calls would have."""
    chain = host.dispatcher.chain
    book = chain._contracts._book
    contract = book.record(address).contract
    for start in range(first, last, _FILLED_AT_ONCE):
        chain.state.begin_block(host.height)
        for number in range(start, min(start + _FILLED_AT_ONCE, last)):
            book.put(contract, number.to_bytes(8, "big") * 2, number.to_bytes(32, "little"))
        chain.state.end_entry(0)
        for name, value in chain.state.end_block(host.time_ms).items():
            if value is not None:
                host.state[name] = value
        chain.state.committed(host.height)


def _calls_s(contract: ContractClient, address: bytes, calls: int) -> float:
    host, client = contract.host, contract.client
    envelopes = []
    for _ in range(calls):
        if not client.tickets:
            client.contact()
        asked = protocol.Call(address, "transfer", transfer(), _FUEL).encode()
        envelopes.append(client.envelope(client.request(protocol.APP, protocol.CALL, asked)))
    timed: list[float] = []
    for start in range(0, calls, 50):
        taken = _timed(lambda start=start: host.block(*envelopes[start : start + 50]))  # type: ignore[misc]  # mypy infers no default of a lambda
        timed.append(taken / len(envelopes[start : start + 50]))
    return sorted(timed)[len(timed) // 2]


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
