"""The functions that contracts import; `docs/spec/contract.md` says what each does.

Trust: the arguments are the contract's. What must be asked of the enclave goes through `ask`; the rest never leaves
this process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol

from adyton.sandbox.wasm import abi, wire
from adyton.sandbox.wasm.frame import Ended, Frame
from adyton.sandbox.wasm.run import Event
from adyton.sandbox.wasm.wire import BrokenWire

Arguments = Any  # pointer to 16-byte slots; the i-th argument is at index 2 * i
_ABSENT: Final = -1
_FOUND: Final = b"\x01"


class Ask(Protocol):
    """The enclave, as a running contract sees it."""

    def __call__(self, tag: int, *fields: bytes) -> list[bytes]:
        """Ask, and return the answer's fields; nested runs are carried out meanwhile."""


class Imports:
    """One method per import, each with the running frame and its raw arguments.

    Args:
        ask: reaches the enclave.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def method(self, name: str) -> Callable[[Frame, Arguments], None]:
        """Return the method behind an import."""
        bound: Callable[[Frame, Arguments], None] = getattr(self, f"_{name}")
        return bound

    # --- input and output -----------------------------------------------------------------------

    def _input(self, frame: Frame, a: Arguments) -> None:
        given = frame.run.input
        copied = given[: a[2] & 0xFFFF_FFFF]
        _charge(frame, "input", len(copied))
        frame.write(a[0], copied)
        a[0] = len(given)

    def _output(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "output", a[2])
        frame.output = frame.read(a[0], a[2], abi.OUTPUT)

    def _fail(self, frame: Frame, a: Arguments) -> NoReturn:
        _charge(frame, "fail", a[2])
        reason = _text(frame.read(a[0], a[2], abi.REASON))
        raise Ended(abi.REFUSED, reason)

    def _log(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "log", a[2])
        line = _text(frame.read(a[0], a[2], abi.LOG))
        frame.logged += len(line.encode())
        if frame.logged > abi.LOGS:
            raise Ended(abi.LIMIT, f"more than {abi.LOGS} bytes of log")
        frame.logs.append(line)

    # --- state ----------------------------------------------------------------------------------

    def _state_get(self, frame: Frame, a: Arguments) -> None:
        key = _key(frame, a[0], a[2])
        _charge(frame, "state_get", len(key))
        value = self._current(frame, key)
        if value is None:
            a[0] = _ABSENT
            return
        _charge_bytes(frame, "state_get", len(value))
        frame.write(a[4], value[: a[6] & 0xFFFF_FFFF])
        a[0] = len(value)

    def _current(self, frame: Frame, key: bytes) -> bytes | None:
        if key in frame.writes:
            return frame.writes[key]
        if key in frame.reads:
            return frame.reads[key]
        if key in frame.known:
            frame.reads[key] = frame.known[key]
        else:
            answer = self._ask(wire.GET, key)
            if not answer or len(answer) > 2:
                raise BrokenWire("an answer of another form")
            frame.reads[key] = answer[1] if answer[0] == _FOUND else None
        return frame.reads[key]

    def _state_set(self, frame: Frame, a: Arguments) -> None:
        key = _key(frame, a[0], a[2])
        _charge(frame, "state_set", len(key) + (a[6] & 0xFFFF_FFFF))
        _put(frame, key, frame.read(a[4], a[6], abi.VALUE))

    def _state_remove(self, frame: Frame, a: Arguments) -> None:
        key = _key(frame, a[0], a[2])
        _charge(frame, "state_remove", len(key))
        _put(frame, key, None)

    def _state_scan(self, frame: Frame, a: Arguments) -> None:
        prefix = frame.read(a[0], a[2], abi.KEY)
        after = frame.read(a[4], a[6], abi.KEY)
        room = min(a[10] & 0xFFFF_FFFF, abi.PAGE)
        _charge(frame, "state_scan", len(prefix) + len(after))
        keys = self._scan(frame, prefix, after, room)
        page = wire.pack(keys)
        _charge_bytes(frame, "state_scan", len(page))
        frame.write(a[8], page)
        a[0] = len(page)

    def _scan(self, frame: Frame, prefix: bytes, after: bytes, room: int) -> list[bytes]:
        """Return the next keys in order: those of the enclave, with this run's own changes laid over them."""
        mine = {
            key: value
            for key, value in frame.writes.items()
            if key.startswith(prefix) and key > after
        }
        # Each key that this run has removed takes room in the answer that another may need.
        removed = sum(4 + len(key) for key, value in mine.items() if value is None)
        answer = self._ask(wire.SCAN, prefix, after, wire.number(room + removed))
        if len(answer) != 2:
            raise BrokenWire("an answer of another form")
        found, more = wire.unpack(answer[0]), answer[1] == _FOUND
        # Of keys behind the end of a page that is not the last, nothing is known yet.
        known = [key for key in mine if not more or (found and key <= found[-1])]
        keys = sorted({*found, *known} - {key for key, value in mine.items() if value is None})
        page: list[bytes] = []
        for key in keys:
            room -= 4 + len(key)
            if room < 0:
                break
            page.append(key)
        return page

    # --- surroundings ---------------------------------------------------------------------------

    def _caller(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "caller", 0)
        kind, name = frame.run.caller
        frame.write(a[0], name)
        a[0] = kind

    def _address(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "address", 0)
        frame.write(a[0], frame.run.address)

    def _block_height(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "block_height", 0)
        a[0] = frame.run.height

    def _block_time(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "block_time", 0)
        a[0] = frame.run.time_ms

    def _random(self, frame: Frame, a: Arguments) -> None:
        size = a[2] & 0xFFFF_FFFF
        _charge(frame, "random", size)
        if size > abi.RANDOM:
            raise Ended(abi.LIMIT, f"at most {abi.RANDOM} random bytes at once")
        answer = self._ask(wire.RANDOM, wire.number(size))
        if len(answer) != 1 or len(answer[0]) != size:
            raise BrokenWire("an answer of another form")
        frame.write(a[0], answer[0])

    # --- events ---------------------------------------------------------------------------------

    def _emit(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "emit", (a[2] & 0xFFFF_FFFF) + (a[6] & 0xFFFF_FFFF))
        topic = frame.read(a[0], a[2], abi.TOPIC)
        _add_event(frame, Event(topic, frame.read(a[4], a[6], abi.EVENT), None))

    def _emit_sealed(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "emit_sealed", (a[4] & 0xFFFF_FFFF) + (a[8] & 0xFFFF_FFFF))
        recipient = frame.read(a[0], 32, 32)
        topic = frame.read(a[2], a[4], abi.TOPIC)
        _add_event(frame, Event(topic, frame.read(a[6], a[8], abi.EVENT), recipient))

    # --- other contracts ------------------------------------------------------------------------

    def _call(self, frame: Frame, a: Arguments) -> None:
        left = _charge(frame, "call", (a[4] & 0xFFFF_FFFF) + (a[8] & 0xFFFF_FFFF))
        address = frame.read(a[0], 32, 32)
        method = frame.read(a[2], a[4], abi.KEY)
        given = frame.read(a[6], a[8], abi.INPUT)
        # The caller keeps a part, so that it can still say what it makes of a callee that used up all.
        answer = self._ask(wire.CALL, address, method, given, wire.number(left - left // 64))
        if len(answer) != 3:
            raise BrokenWire("an answer of another form")
        status, frame.result = wire.read_number(answer[0]), answer[1]
        frame.charge(wire.read_number(answer[2]))
        a[0] = status if status < 0 else len(frame.result)

    def _result(self, frame: Frame, a: Arguments) -> None:
        copied = frame.result[: a[2] & 0xFFFF_FFFF]
        _charge(frame, "result", len(copied))
        frame.write(a[0], copied)
        a[0] = len(frame.result)

    # --- cryptography ---------------------------------------------------------------------------

    def _sha256(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "sha256", a[2] & 0xFFFF_FFFF)
        hashed = hashlib.sha256(frame.read(a[0], a[2], abi.MEMORY_BYTES)).digest()
        frame.write(a[4], hashed)

    def _ed25519_verify(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "ed25519_verify", a[6] & 0xFFFF_FFFF)
        key, signature = frame.read(a[0], 32, 32), frame.read(a[2], 64, 64)
        message = frame.read(a[4], a[6], abi.INPUT)
        a[0] = int(self._ask(wire.VERIFY, key, signature, message) == [_FOUND])

    def _secp256k1_recover(self, frame: Frame, a: Arguments) -> None:
        _charge(frame, "secp256k1_recover", 0)
        hashed, signature = frame.read(a[0], 32, 32), frame.read(a[2], 65, 65)
        answer = self._ask(wire.RECOVER, hashed, signature)
        if len(answer) == 1 and len(answer[0]) == 33:
            frame.write(a[4], answer[0])
            a[0] = 1
        else:
            a[0] = 0


def _charge(frame: Frame, name: str, size: int) -> int:
    each, byte = abi.FUEL_COST[name]
    return frame.charge(each + byte * (size & 0xFFFF_FFFF))


def _charge_bytes(frame: Frame, name: str, size: int) -> None:
    frame.charge(abi.FUEL_COST[name][1] * size)


def _key(frame: Frame, pointer: int, size: int) -> bytes:
    key = frame.read(pointer, size, abi.KEY)
    if not key:
        raise Ended(abi.LIMIT, "an empty key")
    return key


def _put(frame: Frame, key: bytes, value: bytes | None) -> None:
    frame.writes[key] = value
    if len(frame.writes) > abi.WRITES:
        raise Ended(abi.LIMIT, f"more than {abi.WRITES} keys are written in one call")


def _add_event(frame: Frame, event: Event) -> None:
    _text(event.topic)
    frame.events.append(event)
    if len(frame.events) > abi.EVENTS:
        raise Ended(abi.LIMIT, f"more than {abi.EVENTS} events in one call")


def _text(unverified: bytes) -> str:
    try:
        return unverified.decode()
    except UnicodeDecodeError:
        raise Ended(abi.LIMIT, "a text that is not UTF-8") from None
