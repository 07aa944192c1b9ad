"""Contracts are deployed, upgraded, call each other, and outlive restarts and engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adyton.client.borsh import encode_value
from adyton.core import limits
from adyton.protocol import contract as protocol
from adyton.protocol.contract import code_hash
from adyton.sandbox.wasm import abi
from tests.contract_kit import INTERFACE, SINK, ContractClient, Sink, built
from tests.host_simulator import HostSimulator, SimulatedClient


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
