"""Contracts through the machine: what they can do, how they fail, and that failing leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adyton.client.borsh import decode_value, encode_value
from adyton.core.crypto import HpkeKey, SigningKey
from adyton.protocol.contract import PublicEvent
from adyton.protocol.derived import open_derived
from adyton.protocol.ledger import BlockHeader
from adyton.protocol.padding import unpad
from adyton.sandbox.wasm import abi
from tests.contract_kit import Sink
from tests.host_simulator import HostSimulator


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    made = HostSimulator(tmp_path_factory.mktemp("contracts"), sandbox=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def sink(host: HostSimulator) -> Sink:
    return Sink(host, b"a" * 32)


def test_input_comes_in_and_output_out(sink: Sink) -> None:
    data = bytes(range(256)) * 300
    assert sink.value(sink.do("echo", data=data.hex()), "call", "echo") == data.hex()


def test_a_contract_sees_caller_block_and_itself(sink: Sink, host: HostSimulator) -> None:
    seen = sink.value(sink.do("surroundings"), "call", "surroundings")
    assert seen == {
        "caller": sink.client.key.public.hex(),
        "by_contract": False,
        "address": sink.address.hex(),
        "height": host.height,
        "time_ms": host.time_ms,
    }


def test_state_is_written_read_and_removed(sink: Sink) -> None:
    assert sink.get(b"k") is None
    sink.do("set", key=b"k".hex(), value=b"v".hex())
    assert sink.get(b"k") == b"v".hex()
    sink.do("remove", key=b"k".hex())
    assert sink.get(b"k") is None


def test_a_scan_gives_every_key_once_in_order(sink: Sink) -> None:
    keys = [b"scan/" + bytes([at % 7]) * (at % 90 + 1) + at.to_bytes(2, "big") for at in range(300)]
    for start in range(0, 300, 100):
        for key in keys[start : start + 100]:
            sink.do("set", key=key.hex(), value="00")
    listed = sink.value(sink.see("list", prefix=b"scan/".hex()), "query", "list")
    assert listed == [key.hex() for key in sorted(keys)]
    assert sink.value(sink.do("scan", prefix=b"scan/\x03".hex()), "call", "scan") == [
        key.hex() for key in sorted(keys) if key.startswith(b"scan/\x03")
    ]
    for key in keys:
        sink.do("remove", key=key.hex())
    assert sink.value(sink.see("list", prefix=b"scan/".hex()), "query", "list") == []


def test_a_refusal_tells_its_reason_and_leaves_nothing(sink: Sink) -> None:
    before = sink.get(b"a")
    result = sink.do("refuse", reason="not today")
    assert (result.status, result.reason, result.logs) == (
        "refused",
        "not today",
        ("about to refuse",),
    )
    assert 0 < result.usage.fuel < 1_000_000
    assert (result.output, result.usage.stored, sink.entry) == (b"", 0, None)
    assert sink.get(b"a") == before


def test_a_reason_that_is_too_long_is_cut_between_characters(sink: Sink) -> None:
    result = sink.do("refuse", reason="x" + 600 * "é")
    assert (result.status, result.reason) == ("refused", "x" + 511 * "é")


@pytest.mark.parametrize(
    ("method", "status", "reason"),
    [
        ("panic", "refused", "panic in line"),
        ("spin", "out_of_fuel", "the call has used up its fuel"),
        ("recurse", "trapped", ""),
    ],
)
def test_whatever_ends_a_call_the_caller_pays_and_nothing_stays(
    sink: Sink, method: str, status: str, reason: str
) -> None:
    result = sink.do(method, fuel=20_000_000)
    assert result.status == status
    assert reason in result.reason
    if status != "refused":
        assert result.usage.fuel == 20_000_000
    assert sink.value(sink.do("echo", data="ab"), "call", "echo") == "ab"


def test_what_a_trap_interrupts_is_undone(sink: Sink) -> None:
    before = sink.get(b"a")
    result = sink.do("set_and_trap", key=b"a".hex(), value=b"x".hex())
    assert (result.status, sink.entry) == ("refused", None)
    assert sink.get(b"a") == before


def test_memory_is_capped(sink: Sink) -> None:
    grown = sink.value(sink.do("grow", pages=100), "call", "grow")
    assert isinstance(grown, int)
    assert 0 < grown < 256
    most = abi.MEMORY_BYTES // 65536
    assert sink.value(sink.do("grow", pages=most), "call", "grow") == 2**32 - 1


def test_random_bytes_differ_by_draw_and_by_execution(sink: Sink) -> None:
    drawn = [str(sink.value(sink.do("draw"), "call", "draw")) for _ in range(3)]
    halves = [text[at : at + 64] for text in drawn for at in (0, 64)]
    assert len(set(halves)) == 6


@pytest.mark.parametrize("method", ["write_anyway", "draw_anyway"])
def test_a_query_changes_and_draws_nothing(sink: Sink, method: str) -> None:
    before = sink.get(b"a")
    result = sink.see(method)
    assert result.status == "forbidden"
    assert sink.get(b"a") == before


def test_public_events_are_public(sink: Sink) -> None:
    sink.do("tell", data=b"to all".hex())
    assert sink.entry is not None
    (event,) = sink.entry.events
    assert event.address == sink.address
    assert (event.topic, decode_value("bytes", event.data, {})) == ("told", b"to all".hex())
    assert sink.entry.contract is None


def test_sealed_events_open_for_their_recipient_alone(sink: Sink, host: HostSimulator) -> None:
    secret = b"\x44" * 32
    key = HpkeKey(secret).public
    sink.do("whisper", key=key.hex(), data=b"to you".hex())
    assert sink.entry is not None
    assert not sink.entry.events
    (sealed,) = sink.entry.sealed_events
    assert sink.address not in sealed
    assert key not in sealed
    exec_id = BlockHeader.decode(host.blocks[-1].header).exec_id(0, 0)
    event = PublicEvent.decode(unpad(open_derived(secret, key, exec_id, 0, sealed), least=256))
    assert (event.address, event.data) == (
        sink.address,
        encode_value("bytes", b"to you".hex(), {}, ""),
    )
    other = b"\x45" * 32
    for wrong in (
        (other, HpkeKey(other).public, exec_id, 0),
        (secret, key, bytes(32), 0),
        (secret, key, exec_id, 1),
    ):
        with pytest.raises(Exception, match="unopenable"):
            open_derived(*wrong, sealed)


def test_an_event_to_no_key_fails_the_call(sink: Sink) -> None:
    result = sink.do("whisper", key="00" * 32, data="00")
    assert (result.status, sink.entry) == ("limit", None)


def test_signatures_are_checked(sink: Sink) -> None:
    key = SigningKey(b"\x07" * 32)
    signature = key.sign_raw(b"message")
    given: dict[str, Any] = {"key": key.public.hex(), "signature": signature.hex()}
    assert (
        sink.value(sink.do("verify", message=b"message".hex(), **given), "call", "verify") is True
    )
    assert sink.value(sink.do("verify", message=b"other".hex(), **given), "call", "verify") is False


def test_secp256k1_keys_are_recovered(sink: Sink) -> None:
    from coincurve import PrivateKey

    secret, hashed = PrivateKey(b"\x09" * 32), b"\x11" * 32
    signature = secret.sign_recoverable(hashed, hasher=None)
    found = sink.do("recover", hash=hashed.hex(), signature=signature.hex())
    assert sink.value(found, "call", "recover") == secret.public_key.format().hex()
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    for wrong in (
        signature[:32] + high + bytes([signature[64] ^ 1]),
        signature[:64] + b"\x02",
        bytes(65),
        b"\xff" * 64 + b"\x00",
    ):
        found = sink.do("recover", hash=hashed.hex(), signature=wrong.hex())
        assert sink.value(found, "call", "recover") == ""


def test_sha256_is_sha256(sink: Sink) -> None:
    import hashlib

    hashed = sink.value(sink.do("hash", data=b"abc".hex()), "call", "hash")
    assert hashed == hashlib.sha256(b"abc").hexdigest()


def test_what_is_said_is_for_the_caller(sink: Sink) -> None:
    assert sink.do("say", line="hello").logs == ("hello",)
    assert sink.do("say", line="x" * 5000).status == "limit"


@pytest.mark.parametrize(
    ("key", "size"), [(b"", 1), (b"k" * (abi.KEY + 1), 1), (b"k", abi.VALUE + 1)]
)
def test_keys_and_values_have_bounds(sink: Sink, key: bytes, size: int) -> None:
    assert sink.do("set", key=key.hex(), value="00" * size).status == "limit"


def test_the_greatest_key_and_value_fit(sink: Sink) -> None:
    key, value = b"k" * abi.KEY, b"\x01" * abi.VALUE
    assert sink.do("set", key=key.hex(), value=value.hex()).status == "done"
    assert sink.get(key) == value.hex()
    sink.do("remove", key=key.hex())


def test_methods_that_are_not_there_are_refused(sink: Sink) -> None:
    for method in ("nothing", "get", "init", "call:echo", ""):
        with pytest.raises(AssertionError, match="method_unknown"):
            sink.call(sink.address, method)
    with pytest.raises(AssertionError, match="contract_unknown"):
        sink.call(bytes(32), "echo")
    with pytest.raises(AssertionError, match="method_unknown"):
        sink.query(sink.address, "echo")


def test_equal_calls_cost_the_same(sink: Sink) -> None:
    assert len({sink.do("move_two").usage.fuel for _ in range(5)}) == 1
    assert sink.do("move_two").usage.reads == 2


def test_what_a_method_read_before_changes_neither_its_answer_nor_its_cost(sink: Sink) -> None:
    first = sink.do("scan", prefix="61")
    sink.do("set", key=b"a".hex(), value=(70).to_bytes(8, "little").hex())
    costs = {sink.do("move_two").usage for _ in range(3)}
    assert len(costs) == 1
    assert sink.get(b"a") == (73).to_bytes(8, "little").hex()
    sink.do("remove", key=b"a".hex())
    missing = sink.do("move_two")
    assert (missing.status, missing.reason, missing.usage.reads) == ("refused", "no a", 1)
    sink.do("set", key=b"a".hex(), value=(70).to_bytes(8, "little").hex())
    assert sink.do("move_two").usage in costs
    assert sink.do("scan", prefix="61").output == first.output


def test_fuel_has_a_bound_that_is_the_callers_choice(sink: Sink) -> None:
    needed = sink.do("move_two").usage.fuel
    assert sink.do("move_two", fuel=needed + 1).usage.fuel == needed
    # The engine looks at loops and calls: the last stretch of a call that comes back may go over, unpaid.
    little = needed - 1000
    refused = sink.do("move_two", fuel=little)
    assert (refused.status, refused.usage.fuel) == ("out_of_fuel", little)
    assert sink.do("move_two", fuel=0).status == "out_of_fuel"
