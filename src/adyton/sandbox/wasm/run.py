"""What the enclave asks of its engine, and what comes back; see `wire.py` for the form."""

from __future__ import annotations

from typing import NamedTuple

from adyton.sandbox.wasm import abi
from adyton.sandbox.wasm.wire import BrokenWire, number, pack, read_number, unpack

CLIENT = 0
CONTRACT = 1
KEYS_TOLD = 16
_REMOVED = b"\x00"
_WRITTEN = b"\x01"


# No dataclasses here: the engine's process compiles what it imports at each start, and theirs is a fifth of all.
class Run(NamedTuple):
    """One entry of a contract.

    Attributes:
        module: name under which the module was loaded, 32 bytes.
        export: name of the entry point.
        input: for the contract to read.
        fuel: the most it may use.
        query: whether changes are forbidden.
        address: of the contract, 32 bytes.
        caller: `CLIENT` or `CONTRACT`, and 32 bytes.
        height: of the block.
        time_ms: of the block.
        known: values that it will probably read, key and value or None, so that it need not ask.
    """

    module: bytes
    export: str
    input: bytes
    fuel: int
    query: bool
    address: bytes
    caller: tuple[int, bytes]
    height: int
    time_ms: int
    known: tuple[tuple[bytes, bytes | None], ...] = ()

    def __repr__(self) -> str:
        return f"<Run {self.export}>"

    def fields(self) -> tuple[bytes, ...]:
        """Return the fields of its frame."""
        return (
            self.module,
            self.export.encode(),
            self.input,
            number(self.fuel),
            bytes((self.query,)),
            self.address,
            bytes((self.caller[0],)) + self.caller[1],
            number(self.height),
            number(self.time_ms),
            pack(_flat(self.known)),
        )

    @classmethod
    def read(cls, fields: list[bytes]) -> Run:
        """Return the run that the fields say.

        Raises:
            BrokenWire: of another form.
        """
        if len(fields) != 10:
            raise BrokenWire("a run of another form")
        module, export, given, fuel, query, address, caller, height, time_ms, known = fields
        return cls(
            module,
            export.decode(),
            given,
            read_number(fuel),
            query == b"\x01",
            address,
            (caller[0], caller[1:]),
            read_number(height),
            read_number(time_ms),
            _pairs(unpack(known)),
        )


class Event(NamedTuple):
    """What a contract tells the world.

    Attributes:
        topic: its kind.
        data: its content.
        recipient: X25519 public key that it is to be sealed to, or None where it is public.
    """

    topic: bytes
    data: bytes
    recipient: bytes | None


class End(NamedTuple):
    """How a run ended.

    Attributes:
        status: one of `abi.ENDS`; all but `done` undo the run's changes.
        reason: why, for the caller.
        fuel: used.
        output: the contract's answer.
        writes: key, and value or None for a removal; ascending by key.
        events: in order.
        logs: in order.
        reads: how many keys it has read.
        keys: those of them, the first few; what it will probably read again.
    """

    status: str
    reason: str
    fuel: int
    output: bytes = b""
    writes: tuple[tuple[bytes, bytes | None], ...] = ()
    events: tuple[Event, ...] = ()
    logs: tuple[str, ...] = ()
    reads: int = 0
    keys: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"<End {self.status}>"

    def fields(self) -> tuple[bytes, ...]:
        """Return the fields of its frame."""
        events: list[bytes] = []
        for event in self.events:
            events += (event.topic, event.data, event.recipient or b"")
        return (
            self.status.encode(),
            self.reason.encode(),
            number(self.fuel),
            self.output,
            pack(_flat(self.writes)),
            pack(events),
            pack([line.encode() for line in self.logs]),
            number(self.reads),
            pack(list(self.keys)),
        )

    @classmethod
    def read(cls, unverified: list[bytes], most_fuel: int) -> End:
        """Return the end that the fields say.

        Trust: runs in the enclave; the engine may have been taken over by a contract. What it says of that contract's
        own run is believed, inside of the bounds that every contract has.

        Raises:
            BrokenWire: of another form, or over a bound.
        """
        if len(unverified) != 9:
            raise BrokenWire("an end of another form")
        status, reason, fuel, output, writes, packed_events, packed_logs, reads, keys = unverified
        events = unpack(packed_events)
        try:
            end = cls(
                status.decode(),
                reason.decode(),
                read_number(fuel),
                output,
                _pairs(unpack(writes)),
                tuple(
                    Event(topic, data, recipient or None)
                    for topic, data, recipient in zip(
                        events[::3], events[1::3], events[2::3], strict=True
                    )
                ),
                tuple(line.decode() for line in unpack(packed_logs)),
                read_number(reads),
                tuple(unpack(keys)),
            )
            for event in end.events:
                event.topic.decode()
        except ValueError as problem:
            raise BrokenWire("an end of another form") from problem
        end.require_bounds(most_fuel)
        return end

    def require_bounds(self, most_fuel: int) -> None:
        """Refuse what no contract may say.

        Raises:
            BrokenWire: over a bound.
        """
        keys = [key for key, _ in self.writes]
        good = (
            self.status in abi.ENDS
            and len(self.reason) <= abi.REASON
            and 0 <= self.fuel <= most_fuel
            and len(self.output) <= abi.OUTPUT
            and len(self.writes) <= abi.WRITES
            and all(0 < len(key) <= abi.KEY for key in keys)
            and keys == sorted(set(keys))
            and all(value is None or len(value) <= abi.VALUE for _, value in self.writes)
            and len(self.events) <= abi.EVENTS
            and all(
                len(event.topic) <= abi.TOPIC
                and len(event.data) <= abi.EVENT
                and len(event.recipient or bytes(32)) == 32
                for event in self.events
            )
            and 0 <= self.reads <= self.fuel
            and len(self.keys) <= KEYS_TOLD
            and all(0 < len(key) <= abi.KEY for key in self.keys)
            and all(len(line.encode()) <= abi.LOG for line in self.logs)
            and sum(len(line.encode()) for line in self.logs) <= abi.LOGS
            and (self.status == abi.DONE or not (self.writes or self.events or self.output))
        )
        if not good:
            raise BrokenWire("an end over its bounds")


def _flat(pairs: tuple[tuple[bytes, bytes | None], ...]) -> list[bytes]:
    parts: list[bytes] = []
    for key, value in pairs:
        parts += (key, _REMOVED if value is None else _WRITTEN + value)
    return parts


def _pairs(parts: list[bytes]) -> tuple[tuple[bytes, bytes | None], ...]:
    if len(parts) % 2:
        raise BrokenWire("a pair of another form")
    return tuple(_write(*pair) for pair in zip(parts[::2], parts[1::2], strict=True))


def _write(key: bytes, value: bytes) -> tuple[bytes, bytes | None]:
    if value[:1] == _WRITTEN:
        return key, value[1:]
    if value == _REMOVED:
        return key, None
    raise BrokenWire("a write of another form")
