"""Modules as compilers make them are accepted, whatever their age: same answers, and the same state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract_kit import BUILT, ContractClient
from tests.host_simulator import HostSimulator, SimulatedClient

MODULES = Path(__file__).parent / "modules"
# call_indirect with type and table each in five bytes: what the reference types proposal allows.
OVERLONG = bytes.fromhex("11 8080808000 8080808000".replace(" ", ""))
INDIRECT = 0x11


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractClient]:
    host = HostSimulator(tmp_path_factory.mktemp("accepted"), sandbox=False)
    host.start()
    made = SimulatedClient(host, b"m" * 32)
    made.contact()
    yield ContractClient(host, made)
    host.stop()


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


@pytest.mark.parametrize("name", ["rust163", "rust196", "rust196_v1"])
def test_a_compilers_module_counts(client: ContractClient, name: str) -> None:
    address = client.deploy((MODULES / f"{name}.wasm").read_bytes()).address
    outputs = [client.call(address, "add", u64(amount)).output for amount in (4, 3, 10, 1)]
    assert outputs == [u64(4), u64(8), u64(18), u64(36)]
    assert client.query(address, "get").output == u64(36)


def test_the_new_compilers_module_has_what_old_runtimes_refuse() -> None:
    new = (MODULES / "rust196.wasm").read_bytes()
    assert OVERLONG in new
    assert b"\xfc\x0a" in new  # memory.copy
    for old in ("rust163", "rust196_v1"):
        code = (MODULES / f"{old}.wasm").read_bytes()
        assert OVERLONG not in code
        assert b"\xfc\x0a\x00\x00" not in code


def section(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


def test_an_index_in_two_bytes_is_the_same_index(client: ContractClient) -> None:
    """`memory.size` of memory 0, written as 80 00 where one byte would do."""
    results = []
    for index in (b"\x00", b"\x80\x00"):
        # memory.size * 65536 is stored at 0, and eight bytes from there are the output.
        body = b"\x00\x41\x00\x3f" + index + b"\x36\x02\x00\x41\x00\x41\x08\x10\x00\x0b"
        code = (
            b"\0asm\x01\0\0\0"
            + section(1, b"\x02\x60\x02\x7f\x7f\x00\x60\x00\x00")
            + section(2, b"\x01\x08adyton/1\x06output\x00\x00")
            + section(3, b"\x01\x01")
            + section(5, b"\x01\x00\x03")
            + section(7, b"\x02\x06memory\x02\x00\x09call:size\x00\x01")
            + section(10, b"\x01" + bytes((len(body),)) + body)
        )
        address = client.deploy(code).address
        result = client.call(address, "size")
        results.append((result.output, result.usage.fuel))
    assert results[0] == results[1]
    assert results[0][0] == u64(3)


def test_a_second_memory_works_in_either_place(client: ContractClient) -> None:
    told = []
    for name in ("two_memories.wasm", "two_memories.swapped"):
        address = client.deploy((BUILT / name).read_bytes()).address
        kept = client.call(address, "keep", u64(77))
        asked = client.query(address, "kept")
        told.append((kept.output, kept.usage.fuel, kept.usage.stored, asked.output))
    assert (BUILT / "two_memories.wasm").read_bytes() != (
        BUILT / "two_memories.swapped"
    ).read_bytes()
    assert told[0] == told[1]
    assert told[0][0] == told[0][3] == u64(77)
