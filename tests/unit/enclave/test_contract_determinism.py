"""Two enclaves that have nothing in common but the root execute ten thousand calls to the same bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.core.crypto import HpkeKey
from adyton.protocol import contract as protocol
from tests import replica
from tests.contract_kit import INTERFACE, Sink, built
from tests.host_simulator import HostSimulator, public
from tests.recorded_blocks import Recorded
from tests.unit.enclave.test_determinism import replayed

CALLS = 10_000
BLOCK = 500


class Caller:
    """Makes calls of every sort, and failing ones among them."""

    def __init__(self, sink: Sink, counter: bytes) -> None:
        self._sink = sink
        self._counter = counter
        self._source = random.Random(7)

    def envelopes(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            client = self._sink.client
            if not client.tickets:
                client.contact()
            method, arguments = self._any()
            given = self._sink.given("call", method, arguments)
            asked = protocol.Call(self._sink.address, method, given, 3_000_000)
            yield client.envelope(client.request(protocol.APP, protocol.CALL, asked.encode()))

    def _any(self) -> tuple[str, dict[str, object]]:
        source = self._source
        key, value = source.randbytes(2).hex(), source.randbytes(source.randrange(90)).hex()
        add = source.randrange(2**40).to_bytes(8, "little").hex()
        told = HpkeKey(source.randbytes(32)).public.hex()
        choices: list[tuple[str, dict[str, object]]] = [
            ("move_two", {}),
            ("set", {"key": key, "value": value}),
            ("remove", {"key": key}),
            ("draw", {}),
            ("tell", {"data": value}),
            ("whisper", {"key": told, "data": value}),
            ("scan", {"prefix": key[:2]}),
            ("ask", {"address": self._counter.hex(), "method": "add", "input": add}),
            ("surroundings", {}),
            ("refuse", {"reason": key}),
            ("set_and_trap", {"key": key, "value": value}),
            ("echo", {"data": value}),
        ]
        rare: list[tuple[str, dict[str, object]]] = [
            ("spin", {}),
            ("recurse", {}),
            ("grow", {"pages": 9}),
        ]
        return source.choice(rare if source.random() < 0.01 else choices)


@pytest.mark.timeout(300)
def test_ten_thousand_calls_leave_the_same_bytes_everywhere(tmp_path: Path) -> None:
    host = HostSimulator(tmp_path, sandbox=False)
    start = host.start()
    made = Recorded(host)
    made.note(start, (public(start.entries[0]).body or b"",), False)
    # Deployments are recorded like everything else.
    execute = host.block

    def recorded(*transactions: bytes, drop: bool = False):  # type: ignore[no-untyped-def]  # as `HostSimulator.block`
        result = execute(*transactions, drop=drop)
        made.note(result, transactions, drop)
        return result

    host.block = recorded  # type: ignore[method-assign]  # the recorder stands in its place
    sink = Sink(host, b"d" * 32)
    caller = Caller(sink, sink.deploy(built("counter")).address)
    assert INTERFACE is not None
    entries = 0
    for _ in range(CALLS // BLOCK):
        entries += len(host.block(*caller.envelopes(BLOCK)).entries)
    assert entries == CALLS
    recording = replica.record(host, made.blocks)
    host.stop()
    surroundings = {"PYTHONHASHSEED": "99", "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    told = replayed(recording, surroundings, str(4_000_000_000_000), "5eed")
    assert len(told) == len(made.told)
    for at, ours in enumerate(made.told):
        assert told[at] == json.loads(json.dumps(ours)), at
