"""What a deployer hands everybody, and what a taken-over engine hands the enclave."""

from __future__ import annotations

import socket

from adyton.client.borsh import decode_value, encode_value
from adyton.client.contract_interface import HEAD, read_interface
from adyton.core.errors import UsageError
from adyton.protocol.wasm_module import read_module
from adyton.sandbox.wasm.run import End, Event, Run
from adyton.sandbox.wasm.wire import BrokenWire, Wire, pack, unpack
from fuzz.target import Target, refused_or, require
from tests.contract_kit import BUILT

_FUEL = 10**9
_TYPES = ("u64", "list<S>", "option<string>", "list<list<bool>>", "S", "i64", "bytes", "address")
_STRUCTS = {"S": (("a", "u8"), ("b", "option<string>"))}


def module(data: bytes) -> None:
    """A Wasm module's outline."""
    outline = refused_or(lambda: read_module(data))
    if outline is not None:
        require(
            outline.calls == tuple(sorted(set(outline.calls))), "methods are told once, in order"
        )
        require(len(outline.memories) <= 4, "there are few memories")
        refused_or(lambda: read_interface(outline.interface))


def interface(data: bytes) -> None:
    """An interface description, and values of its types."""
    found = refused_or(lambda: read_interface(HEAD.encode() + b"\n" + data))
    if found is not None:
        for method in (*found.calls.values(), *found.queries.values()):
            refused_or(lambda method=method: found.decode(method, data))  # type: ignore[misc]  # mypy infers no default of a lambda


def borsh(data: bytes) -> None:
    """Borsh values: one encoding of each."""
    kind = _TYPES[data[0] % len(_TYPES)] if data else "u64"
    found: list[object] = []
    refused_or(lambda: found.append(decode_value(kind, data[1:], _STRUCTS)))
    for value in found:
        try:
            again = encode_value(kind, value, _STRUCTS, "value")
        except UsageError as problem:
            raise AssertionError("a value that was decoded has no encoding") from problem
        require(again == data[1:], "a value has one encoding")


def engine(data: bytes) -> None:
    """Frames of the contract engine: what a contract that has taken it over may send."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        wire = Wire(ours)
        try:
            while True:
                _, fields = wire.receive()
                _ends(fields)
        except BrokenWire:
            pass
        finally:
            wire.close()


def _ends(fields: list[bytes]) -> None:
    try:
        end = End.read(fields, _FUEL)
    except BrokenWire:
        pass
    else:
        require(End.read(list(end.fields()), _FUEL) == end, "an end is read back as it was")
        require(0 <= end.fuel <= _FUEL, "an end is inside of its bounds")
    try:
        require(pack(unpack(b"".join(fields))) == b"".join(fields), "a list has one encoding")
    except BrokenWire:
        pass


def _frames() -> list[bytes]:
    made = []
    ends = (
        End(
            "done", "", 5, b"out", ((b"a", b"1"), (b"b", None)), (Event(b"t", b"d", None),), ("x",)
        ),
        End("trapped", "why", 9),
    )
    run = Run(bytes(32), "call:a", b"", 9, False, bytes(32), (0, bytes(32)), 1, 1)
    for fields in (*[end.fields() for end in ends], run.fields()):
        body = b"\x14" + pack(list(fields))
        made.append(len(body).to_bytes(4, "little") + body)
    return made


TARGETS = (
    Target(
        "module",
        module,
        lambda: (
            [path.read_bytes()[:4096] for path in BUILT.glob("counter*.wasm")]
            + [(BUILT / "counter_c.wasm").read_bytes()]
        ),
        8192,
    ),
    Target(
        "interface",
        interface,
        lambda: [
            b"name a\nabout b\ntype S a:u8 b:option<string>\nevent e S\ncall m x:list<S> -> S ; y\n"
        ],
    ),
    Target(
        "borsh",
        borsh,
        lambda: [b"\x00" + bytes(8), b"\x01\x01\x00\x00\x00\x05\x01\x01\x00\x00\x00a", b"\x02\x00"],
    ),
    Target("engine", engine, _frames),
)
