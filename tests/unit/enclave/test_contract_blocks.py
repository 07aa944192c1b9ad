"""Contracts over blocks, restarts and engines: what is bounded, kept, replaced and told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from wasmtime import wat2wasm

from adyton.core import limits
from adyton.core.schema import Message
from adyton.protocol import contract as protocol
from adyton.protocol.wasm_module import read_module
from adyton.sandbox.wasm import abi, wire
from adyton.sandbox.wasm.engine import Answer, Engine, EngineGone
from adyton.sandbox.wasm.run import End, Run
from adyton.sandbox.wasm.wire import BrokenWire
from tests.contract_kit import SINK, Sink, built
from tests.host_simulator import HostSimulator, Refused


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    made = HostSimulator(tmp_path_factory.mktemp("contracts"), sandbox=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def sink(host: HostSimulator) -> Sink:
    return Sink(host, b"a" * 32)


# --- deployment and upgrade ---------------------------------------------------------------------


def test_a_blocks_fuel_is_bounded(
    sink: Sink, host: HostSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONTRACT_BLOCK_FUEL", 30_000_000)
    sink.client.contact()
    requests = [
        sink.client.request(
            protocol.APP,
            protocol.CALL,
            protocol.Call(sink.address, "spin", b"", 20_000_000).encode(),
        )
        for _ in range(3)
    ]
    block = host.block(*[sink.client.envelope(request) for request in requests])
    codes = [sink.client.open(block, at, request).code for at, request in enumerate(requests)]
    assert codes == ["", "", "out_of_block_fuel"]
    assert sink.value(sink.do("echo", data="00"), "call", "echo") == "00"


def codes_of(sink: Sink, host: HostSimulator, method: str, arguments: list[Message]) -> list[str]:
    """Return what becomes public of requests in one block."""
    sink.client.contact()
    requests = [sink.client.request(protocol.APP, method, one.encode()) for one in arguments]
    block = host.block(*[sink.client.envelope(request) for request in requests])
    return [sink.client.open(block, at, request).code for at, request in enumerate(requests)]


def test_a_block_compiles_few_modules(
    sink: Sink, host: HostSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes a process of its own, also where it is refused in the end."""
    code = built("counter_c")
    # One that the outline lets pass and the compiler does not.
    valid = bytes(wat2wasm('(module (memory (export "memory") 1) (func (drop (i32.const 1))))'))
    broken = valid.replace(b"\x41\x01\x1a", b"\x41\x01\x6a")
    assert read_module(broken).memories == (1,)
    assert sink.deploy(broken).status == "refused"
    for module in (code, broken):
        deploy = protocol.Deploy(module, b"", protocol.NEVER, "single-host", 0, 0)
        monkeypatch.setattr(
            limits,
            "CONTRACT_BLOCK_FUEL",
            limits.CONTRACT_COMPILE + len(module) * limits.CONTRACT_COMPILE_BYTE + 1,
        )
        codes = codes_of(sink, host, protocol.DEPLOY, [deploy] * 3)
        assert codes == ["", "", "out_of_block_fuel"]


def test_a_call_that_ends_the_engine_counts_in_its_block(
    sink: Sink, host: HostSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> End:
        raise EngineGone

    monkeypatch.setattr(limits, "CONTRACT_BLOCK_FUEL", 30_000_000)
    monkeypatch.setattr(Engine, "run", gone)
    call = protocol.Call(sink.address, "echo", b"", 20_000_000)
    codes = codes_of(sink, host, protocol.CALL, [call] * 3)
    assert codes == ["engine_failed", "engine_failed", "out_of_block_fuel"]


def test_what_one_call_and_one_block_write_is_bounded(
    sink: Sink, host: HostSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block has to fit into one message: what its calls write and answer counts, not their fuel alone."""
    monkeypatch.setattr(limits, "CONTRACT_STORED", 1000)
    many = sink.do("set", key=b"m".hex(), value="00" * 900)
    assert (many.status, many.reason, many.usage.stored) == ("limit", "the call writes too much", 0)
    assert sink.get(b"m") is None
    assert sink.do("set", key=b"m".hex(), value="00" * 700).status == "done"
    monkeypatch.setattr(limits, "CONTRACT_BLOCK_BYTES", 3000)
    sink.client.contact()
    given = sink.given("call", "echo", {"data": "00" * 1500})
    asked = protocol.Call(sink.address, "echo", given, 20_000_000).encode()
    requests = [sink.client.request(protocol.APP, protocol.CALL, asked) for _ in range(3)]
    block = host.block(*[sink.client.envelope(request) for request in requests])
    codes = [sink.client.open(block, at, request).code for at, request in enumerate(requests)]
    assert codes == ["", "", "out_of_block_fuel"]


def test_the_greatest_block_of_contracts_fits_into_a_message() -> None:
    """What may be written beside the last request that still had room, and what travels in."""
    one_more = limits.CONTRACT_STORED + limits.PUBLIC_PART + limits.CONTRACT_CODE
    assert limits.CONTRACT_BLOCK_BYTES + one_more + limits.BLOCK_BYTES < limits.FRAME
    assert limits.CONTRACT_OUTPUT + limits.CONTRACT_LOG_BYTES + 4096 < limits.ENTRY


def test_a_query_has_less_fuel_than_a_call_may_have(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONTRACT_QUERY_FUEL", 100)
    assert sink.see("seen").status == "out_of_fuel"
    assert sink.do("surroundings").status == "done"


def test_contracts_survive_a_restart(tmp_path: Path) -> None:
    host = HostSimulator(tmp_path, sandbox=False)
    host.start()
    sink = Sink(host, b"r" * 32)
    sink.do("set", key=b"k".hex(), value=b"v".hex())
    before = sink.do("move_two").usage
    kept = dict(host.modules)
    assert len(kept) == 1
    host.stop()
    host.restart()
    sink.client.contact()
    assert sink.get(b"k") == b"v".hex()
    assert sink.do("move_two").usage == before
    assert host.modules == kept
    listed = sink.value(sink.see("list", prefix=""), "query", "list")
    assert listed == [b"a".hex(), b"b".hex(), b"k".hex()]
    host.stop()


def test_an_engine_that_ends_is_replaced(sink: Sink, host: HostSimulator) -> None:
    import os
    import signal

    engine = host.dispatcher.chain._contracts._modules.engine
    for _ in range(2):
        os.kill(engine.pid, signal.SIGKILL)
        assert sink.value(sink.do("echo", data="cd"), "call", "echo") == "cd"
    assert sink.see("seen").status == "done"


def test_an_engine_that_changes_something_in_a_query_is_replaced_and_nothing_halts(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract that took the engine over says what no query can; it gets no answer, and the chain goes on."""
    forged = End("done", "", 1, writes=((b"k", b"forged"),))
    monkeypatch.setattr(End, "read", lambda _fields, _fuel: forged)
    with pytest.raises(AssertionError, match="engine_failed"):
        sink.see("seen")
    monkeypatch.undo()
    assert sink.value(sink.do("echo", data="ab"), "call", "echo") == "ab"


@pytest.mark.parametrize(
    ("tag", "fields", "most"),
    [
        (wire.GET, [b"k"], 1_000_000 // abi.FUEL_COST["state_get"][0]),
        (wire.RANDOM, [wire.number(8)], 1_000_000 // abi.FUEL_COST["random"][0]),
        (wire.CALL, [bytes(32), b"m", b"", wire.number(1_000_000)], 0),
    ],
)
def test_an_engine_that_asks_for_more_than_its_contract_can_pay_is_ended(
    sink: Sink, monkeypatch: pytest.MonkeyPatch, tag: int, fields: list[bytes], most: int
) -> None:
    """A contract that took the engine over could otherwise ask for ever, and the node would do nothing else."""
    answered: list[int] = []

    def asking(_engine: Engine, _run: Run, answer: Answer) -> End:
        answered.clear()
        try:
            while len(answered) < 1000:
                answer(tag, fields)
                answered.append(tag)
        except BrokenWire as problem:
            raise EngineGone from problem
        raise AssertionError("it was answered a thousand times")

    monkeypatch.setattr(Engine, "run", asking)
    with pytest.raises(AssertionError, match="engine_failed"):
        sink.do("echo", fuel=1_000_000, data="ab")
    assert len(answered) == most


def test_unknown_methods_of_the_app_are_refused(sink: Sink) -> None:
    with pytest.raises(AssertionError, match="method_unknown"):
        sink.ordered("destroy", protocol.Asked(sink.address))
    request = sink.client.request(protocol.APP, "peek", protocol.Asked(sink.address).encode())
    assert sink.client.read(request).code == "method_unknown"


def test_a_description_and_the_code_come_by_read(sink: Sink) -> None:
    request = sink.client.request(
        protocol.APP, protocol.DESCRIBE, protocol.Asked(sink.address).encode()
    )
    described = protocol.Description.decode(sink.client.read(request).result)
    assert described.contract.address == sink.address
    assert "echo" in described.calls
    assert "get" in described.queries
    assert described.interface == read_module(SINK).interface
    request = sink.client.request(
        protocol.APP, protocol.CODE, protocol.Asked(sink.address).encode()
    )
    assert sink.client.read(request).result == SINK
    with pytest.raises((AssertionError, Refused)):
        sink.query(bytes(32), "seen")
