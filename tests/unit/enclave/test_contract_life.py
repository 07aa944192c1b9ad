"""Contracts are deployed, upgraded, call each other, and outlive restarts and engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from wasmtime import wat2wasm

from adyton.client.borsh import encode_value
from adyton.core import limits
from adyton.core.schema import Message
from adyton.protocol import contract as protocol
from adyton.protocol.contract import code_hash
from adyton.protocol.wasm_module import read_module
from adyton.sandbox.wasm import abi, wire
from adyton.sandbox.wasm.engine import Answer, Engine, EngineGone
from adyton.sandbox.wasm.run import End, Run
from adyton.sandbox.wasm.wire import BrokenWire
from tests.contract_kit import INTERFACE, SINK, ContractClient, Sink, built
from tests.host_simulator import HostSimulator, Refused, SimulatedClient


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


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (b"", "not a binary"),
        (b"(module)", "not a binary"),
        (b"\0asm\x01\0\0\0", "export its memory"),
        (SINK[:5000], "longer than the module"),
    ],
)
def test_what_is_no_contract_is_refused_with_the_reason(
    sink: Sink, code: bytes, reason: str
) -> None:
    result = sink.deploy(code)
    assert result.status == "refused"
    assert reason in result.reason
    assert sink.entry is None
    with pytest.raises(AssertionError, match="contract_unknown"):
        sink.call(result.address, "echo")


def test_a_deployment_is_public_and_its_init_must_end_well(sink: Sink, host: HostSimulator) -> None:
    made = sink.deploy(built("counter"))
    assert sink.entry is not None
    assert sink.entry.contract is not None
    contract = sink.entry.contract
    assert contract.address == made.address
    assert contract.code_hash == code_hash(built("counter"))
    assert contract.deployer == sink.client.key.public
    assert (contract.upgrade, contract.version, contract.height) == ("never", 0, host.height)
    assert sink.deploy(built("bank"), b"too short").status == "refused"
    told = sink.told()
    assert told is None


def test_only_its_deployer_upgrades_and_only_where_allowed(sink: Sink, host: HostSimulator) -> None:
    sink.do("set", key=b"old".hex(), value=b"kept".hex())
    note = encode_value("string", "two", {}, "")
    asked = protocol.Upgrade(sink.address, SINK, note, 100_000_000)
    assert sink.ordered(protocol.UPGRADE, asked).status == "done"
    assert sink.entry is not None
    assert sink.entry.contract is not None
    assert sink.entry.contract.version == 1
    assert (sink.get(b"note"), sink.get(b"old")) == (b"two".hex(), b"kept".hex())

    stranger = SimulatedClient(host, b"s" * 32)
    stranger.contact()
    with pytest.raises(AssertionError, match="not_upgradable"):
        ContractClient(host, stranger).ordered(protocol.UPGRADE, asked)
    fixed = sink.deploy(SINK).address
    with pytest.raises(AssertionError, match="not_upgradable"):
        sink.ordered(protocol.UPGRADE, protocol.Upgrade(fixed, SINK, note, 100_000_000))


def test_an_upgrade_that_fails_changes_nothing(sink: Sink) -> None:
    before = sink.do("echo", data="ab").code_hash
    for code, given in ((built("counter"), b""), (SINK, b"no string"), (b"junk", b"")):
        asked = protocol.Upgrade(sink.address, code, given, 100_000_000)
        assert sink.ordered(protocol.UPGRADE, asked).status == "refused"
        assert sink.entry is None
    assert sink.do("echo", data="ab").code_hash == before


def test_a_contract_asks_for_the_ordering_that_it_needs(sink: Sink) -> None:
    with pytest.raises(AssertionError, match="ordering_unavailable"):
        sink.deploy(SINK, ordering="bft")


def test_padding_leaves_few_sizes(host: HostSimulator, sink: Sink) -> None:
    made = sink.deploy(SINK, padding=1024).address
    sizes = set()
    for size in (0, 1, 100, 700):
        held = set(host.state)
        value = encode_value("bytes", b"p".hex() * (size + 1), {}, "")
        key = encode_value("bytes", (b"key" * (size % 7 + 1)).hex(), {}, "")
        assert sink.call(made, "set", key + value).status == "done"
        sizes |= {
            len(host.state[name]) for name in set(host.state) - held if len(host.state[name]) > 600
        }
    assert len(sizes) == 1
    assert sink.query(made, "get", encode_value("bytes", b"key".hex(), {}, "")).status == "done"


# --- contracts that call contracts --------------------------------------------------------------


def asked(sink: Sink, address: bytes, method: str, given: bytes = b"") -> bytes:
    result = sink.do("ask", address=address.hex(), method=method, input=given.hex())
    return bytes.fromhex(str(sink.value(result, "call", "ask")))


def test_a_contract_calls_another_and_is_its_caller(sink: Sink) -> None:
    other = sink.deploy(SINK).address
    assert INTERFACE is not None
    seen = INTERFACE.decode(
        INTERFACE.method("call", "surroundings"), asked(sink, other, "surroundings")
    )
    assert (seen["caller"], seen["by_contract"]) == (sink.address.hex(), True)
    assert seen["address"] == other.hex()


def test_what_a_callee_changes_stays_unless_it_fails(sink: Sink) -> None:
    other = sink.deploy(SINK).address
    given = sink.given("call", "set", {"key": b"k".hex(), "value": b"v".hex()})
    assert asked(sink, other, "set", given) == b""
    key = encode_value("bytes", b"k".hex(), {}, "")
    assert sink.query(other, "get", key).output.endswith(b"v")
    trap = sink.given("call", "set_and_trap", {"key": b"k".hex(), "value": b"w".hex()})
    assert asked(sink, other, "set_and_trap", trap).startswith(b"failed refused: panic")
    assert sink.query(other, "get", key).output.endswith(b"v")


def test_a_failing_caller_undoes_its_callee(sink: Sink) -> None:
    counter = sink.deploy(built("counter")).address
    bank = sink.deploy(built("bank"), counter).address
    add = encode_value("u64", 5, {}, "")
    assert sink.call(bank, "add", add).output == add
    assert sink.call(counter, "add", encode_value("u64", 2**64 - 6, {}, "")).status == "done"
    assert sink.call(bank, "try_add", add).output == b"\x00"
    refused = sink.call(bank, "add", add)
    assert (refused.status, refused.reason) == ("refused", "refused: the count is full")
    assert sink.query(bank, "get").output == encode_value("u64", 2**64 - 1, {}, "")


def test_nobody_enters_a_contract_that_waits(sink: Sink) -> None:
    assert asked(sink, sink.address, "echo") == b"running"
    other = sink.deploy(SINK).address
    back = sink.given("call", "ask", {"address": sink.address.hex(), "method": "echo", "input": ""})
    assert asked(sink, other, "ask", back)[4:] == b"running"


def test_calls_nest_eight_deep(sink: Sink) -> None:
    chain = [sink.deploy(SINK).address for _ in range(abi.DEPTH)]
    given, method = b"", "surroundings"
    for address in reversed(chain):
        given = sink.given(
            "call", "ask", {"address": address.hex(), "method": method, "input": given.hex()}
        )
        method = "ask"
    result = sink.call(sink.address, "ask", given, limits.CONTRACT_FUEL)
    assert result.status == "done"
    assert result.output.endswith(b"too deep")


@pytest.mark.parametrize(
    ("address", "method"), [(bytes(32), "echo"), (None, "nothing"), (None, "list")]
)
def test_what_is_not_there_cannot_be_called(sink: Sink, address: bytes | None, method: str) -> None:
    other = sink.deploy(SINK).address if address is None else address
    assert asked(sink, other, method) == b"unknown"


def test_a_callee_cannot_use_up_its_callers_last_fuel(sink: Sink) -> None:
    other = sink.deploy(SINK).address
    result = sink.do("ask", fuel=50_000_000, address=other.hex(), method="spin", input="")
    assert (
        sink.value(result, "call", "ask")
        == b"failed out_of_fuel: the call has used up its fuel".hex()
    )
    assert 49_000_000 < result.usage.fuel < 50_000_000


def test_a_callers_own_changes_come_after_its_callees(sink: Sink) -> None:
    """A contract cannot be entered twice at once, so its buffered changes can never be of two runs."""
    other = sink.deploy(SINK).address
    given = sink.given("call", "set", {"key": b"x".hex(), "value": b"theirs".hex()})
    result = sink.do(
        "set_and_ask",
        key=b"x".hex(),
        value=b"mine".hex(),
        address=other.hex(),
        method="set",
        input=given.hex(),
    )
    assert result.status == "done"
    assert sink.get(b"x") == b"mine".hex()
    assert sink.query(other, "get", encode_value("bytes", b"x".hex(), {}, "")).output.endswith(
        b"theirs"
    )


# --- blocks and restarts ------------------------------------------------------------------------


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
