"""One request's way through contracts: the one that is called, those that it calls, and what they leave.

Trust: the engine that asks here is believed no more than the contract that runs in it: it reaches the running
contract's values and no other's. What the host answers is verified below (`enclave/state.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adyton.core import limits
from adyton.core.crypto import verify_raw
from adyton.core.errors import Error, InvariantError, VerificationError
from adyton.core.recent import Recent
from adyton.core.recover import recover_secp256k1
from adyton.enclave.contracts.book import Book, Record
from adyton.enclave.contracts.modules import Modules
from adyton.protocol.contract import Contract, ContractUsage
from adyton.protocol.words import require_ordering
from adyton.sandbox.wasm import abi, wire
from adyton.sandbox.wasm.run import CONTRACT, End, Event, Run
from adyton.sandbox.wasm.wire import BrokenWire, number, read_number

_NO = b"\x00"
_YES = b"\x01"
_SCAN_STEP = 256
_METHODS_LEARNED = 4096
_LEARNED_BYTES = 8 * limits.MIB  # of memory that all of them take
# What one takes: of itself, and for each key beside the key's bytes.
_OF_METHOD = 1000
_OF_KEY = 48
_KNOWN_VALUE = 4096
# What each question costs the contract that asks, at least.
_PRICES = {
    wire.GET: abi.FUEL_COST["state_get"][0],
    wire.SCAN: abi.FUEL_COST["state_scan"][0],
    wire.RANDOM: abi.FUEL_COST["random"][0],
    wire.CALL: abi.FUEL_COST["call"][0],
    wire.VERIFY: abi.FUEL_COST["ed25519_verify"][0],
    wire.RECOVER: abi.FUEL_COST["secp256k1_recover"][0],
}


@dataclass(frozen=True)
class Surroundings:
    """What all contracts of one request see.

    Attributes:
        height: of the block; of the last one, in a query.
        time_ms: of that block.
        ordering: what the chain offers.
        query: whether nothing may be changed.
        random: gives bytes by a running number and a size; None where there are none.
    """

    height: int
    time_ms: int
    ordering: str
    query: bool
    random: Callable[[int, int], bytes] | None


class Habits:
    """Which keys each method read when it last ended well.

    It decides what a run is given without asking, and nothing that is seen: neither results nor usage depend on it.
    """

    def __init__(self) -> None:
        self._learned = Recent[tuple[bytes, str], tuple[bytes, ...]](
            _METHODS_LEARNED, _LEARNED_BYTES
        )

    def of(self, method: tuple[bytes, str]) -> tuple[bytes, ...]:
        """Return the keys that a method, by address and export, read last."""
        return self._learned.get(method) or ()

    def learn(self, method: tuple[bytes, str], keys: tuple[bytes, ...]) -> None:
        """Take in what a method has read."""
        if self._learned.get(method) != keys:
            memory = _OF_METHOD + _OF_KEY * len(keys) + sum(map(len, keys))
            self._learned.put(method, keys, memory)


@dataclass
class _Mark:
    journal: dict[tuple[bytes, bytes], bytes | None]
    events: int


@dataclass
class _Running:
    """A contract that runs, and the most fuel that it can have left: the enclave's own count of what it asked for."""

    contract: Contract
    left: int

    @property
    def address(self) -> bytes:
        return self.contract.address

    def pay(self, fuel: int) -> None:
        self.left -= fuel
        if self.left < 0:
            raise BrokenWire("more questions than its fuel allows")


class Execution:
    """Runs contracts for one request; nothing reaches the state before `finish` is asked for the changes.

    Args:
        book: contracts and values.
        modules: code.
        around: what contracts see.
        habits: what methods read; of use, and of no effect.
    """

    def __init__(self, book: Book, modules: Modules, around: Surroundings, habits: Habits) -> None:
        self._book = book
        self._habits = habits
        self._modules = modules
        self._around = around
        self._running: list[_Running] = []
        self._randoms = 0
        # What finished runs have changed, by address and key; a run's own changes are in the engine until it ends.
        self.journal: dict[tuple[bytes, bytes], bytes | None] = {}
        self.contracts: dict[bytes, Contract] = {}
        self.events: list[tuple[bytes, Event]] = []
        self.logs: list[str] = []
        self.reads = 0

    def enter(
        self,
        contract: Contract,
        code: bytes | None,
        export: str,
        given: bytes,
        fuel: int,
        caller: tuple[int, bytes],
    ) -> End:
        """Run one entry point; undo what it has changed unless it ends well.

        Args:
            contract: what is entered.
            code: its module where it is not in the state yet.
            export: name of the entry point.
            given: input.
            fuel: the most it may use.
            caller: kind and name, see `Run`.

        Raises:
            EngineGone: the engine has ended. InvariantError: the host lies. MalformedError, GuestError: the code
                cannot be loaded.
        """
        self._load(contract, code)
        method = (contract.address, export)
        mark = _Mark(dict(self.journal), len(self.events))
        self._running.append(_Running(contract, fuel))
        try:
            run = Run(
                contract.code_hash,
                export,
                given,
                fuel,
                self._around.query,
                contract.address,
                caller,
                self._around.height,
                self._around.time_ms,
                self._known(contract.address, method),
            )
            end = self._modules.engine.run(run, self._answer)
        finally:
            self._running.pop()
        self.logs += end.logs
        self.reads += end.reads
        if end.status != abi.DONE:
            self.journal = mark.journal
            del self.events[mark.events :]
            return end
        self._habits.learn(method, end.keys)
        self.contracts[contract.address] = contract
        for key, value in end.writes:
            self.journal[contract.address, key] = value
        self.events += [(contract.address, event) for event in end.events]
        if len(self.events) > abi.EVENTS:
            self.journal = mark.journal
            del self.events[mark.events :]
            return end._replace(
                status=abi.LIMIT, reason="too many events", output=b"", writes=(), events=()
            )
        return end

    def _known(
        self, address: bytes, method: tuple[bytes, str]
    ) -> tuple[tuple[bytes, bytes | None], ...]:
        """Return what the method read last time and is at hand: what it is given, it need not ask for."""
        known: list[tuple[bytes, bytes | None]] = []
        for key in self._habits.of(method):
            if (address, key) in self.journal:
                value = self.journal[address, key]
            elif self._book.is_hot(address, key):
                value = self._book.value(address, key)
            else:
                continue
            # A large value is asked for where it is read, and paid for there.
            if value is None or len(value) <= _KNOWN_VALUE:
                known.append((key, value))
        return tuple(known)

    def _load(self, contract: Contract, code: bytes | None) -> None:
        if self._modules.holds(contract.code_hash):
            return
        if code is None:
            code = self._book.code(contract.code_hash)
        if code is None:
            raise InvariantError("invariant", "a contract without code")
        self._modules.load(contract.code_hash, code)

    @property
    def weight(self) -> int:
        """Bytes that the changes will take in a block, roughly."""
        return sum(
            limits.CONTRACT_WRITE + len(key) + len(value or b"")
            for (_, key), value in self.journal.items()
        )

    def usage(self, end: End) -> ContractUsage:
        """Return what the request has cost."""
        stored = sum(
            len(key) + len(value) for (_, key), value in self.journal.items() if value is not None
        )
        return ContractUsage(end.fuel, stored, self.reads)

    # --- questions of the running contract ------------------------------------------------------

    def _answer(self, tag: int, unverified: list[bytes]) -> list[bytes]:
        self._running[-1].pay(_PRICES[tag])
        try:
            if tag == wire.GET:
                (key,) = unverified
                return self._get(key)
            if tag == wire.SCAN:
                prefix, after, room = unverified
                return self._scan(prefix, after, read_number(room))
            if tag == wire.RANDOM:
                (size,) = unverified
                return [self._random(read_number(size))]
            if tag == wire.CALL:
                address, method, given, fuel = unverified
                return self._call(address, method, given, read_number(fuel))
            if tag == wire.VERIFY:
                key, signature, message = unverified
                return [_verifies(key, signature, message)]
            hashed, signature = unverified
            return [recover_secp256k1(hashed, signature) or b""]
        except ValueError as problem:
            raise BrokenWire("a question of another form") from problem

    def _get(self, key: bytes) -> list[bytes]:
        if not 0 < len(key) <= abi.KEY:
            raise BrokenWire("a key over its bound")
        address = self._running[-1].address
        if (address, key) in self.journal:
            value = self.journal[address, key]
        else:
            value = self._book.value(address, key)
        return [_NO] if value is None else [_YES, value]

    def _scan(self, prefix: bytes, after: bytes, room: int) -> list[bytes]:
        """Answer with the next keys that fit in `room` bytes, and whether there are more behind them."""
        address = self._running[-1].address
        changed = {key: value for (owner, key), value in self.journal.items() if owner == address}
        page: list[bytes] = []
        # Keys equal to or above the prefix: `after` is exclusive, the prefix is not.
        at, first = (after, False) if after >= prefix else (prefix, True)
        while True:
            keys = self._next_keys(address, at, changed, inclusive=first)
            for key in keys:
                if not key.startswith(prefix):
                    return [wire.pack(page), _NO]
                room -= 4 + len(key)
                if room < 0:
                    return [wire.pack(page), _YES]
                page.append(key)
                at, first = key, False
            if len(keys) < _SCAN_STEP:
                return [wire.pack(page), _NO]

    def _next_keys(
        self,
        address: bytes,
        at: bytes,
        changed: dict[bytes, bytes | None],
        *,
        inclusive: bool,
    ) -> list[bytes]:
        """Return the next `_SCAN_STEP` keys from `at` on, with finished runs' changes over those of the state."""
        removed = sum(value is None for value in changed.values())
        held = self._book.keys_from(address, at, _SCAN_STEP + removed, inclusive=inclusive)
        added = {
            key
            for key, value in changed.items()
            if value is not None and (key > at or (inclusive and key == at))
        }
        merged = sorted({*held, *added} - {key for key, value in changed.items() if value is None})
        # Behind the last key of a full page of the state, some of the state's own are not known yet.
        if len(held) >= _SCAN_STEP + removed:
            merged = [key for key in merged if key <= held[-1]]
        return merged[:_SCAN_STEP]

    def _random(self, size: int) -> bytes:
        if self._around.random is None or not 0 <= size <= abi.RANDOM:
            raise BrokenWire("random bytes where there are none")
        self._randoms += 1
        return self._around.random(self._randoms, size)

    def _call(self, address: bytes, method: bytes, given: bytes, fuel: int) -> list[bytes]:
        """Run another contract's method for the running one."""
        caller = self._running[-1]
        if fuel > caller.left:
            raise BrokenWire("more fuel for another than it has itself")
        refused = self._refused_call(address, method)
        if refused is not None or fuel < 0 or len(given) > abi.INPUT:
            return [number(refused or abi.CALL_FAILED), b"", number(0)]
        contract = self._book.record(address).contract
        kind = "query" if self._around.query else "call"
        end = self.enter(
            contract, None, f"{kind}:{method.decode()}", given, fuel, (CONTRACT, caller.address)
        )
        caller.pay(end.fuel)
        if end.status != abi.DONE:
            reason = f"{end.status}: {end.reason}".encode()[: abi.REASON]
            return [number(abi.CALL_FAILED), reason, number(end.fuel)]
        return [number(0), end.output, number(end.fuel)]

    def _refused_call(self, address: bytes, method: bytes) -> int | None:
        if len(self._running) >= abi.DEPTH:
            return abi.CALL_TOO_DEEP
        # A contract that waits for another's answer is between two of its own steps: nobody may enter it then.
        if any(running.address == address for running in self._running):
            return abi.CALL_RUNNING
        try:
            record: Record = self._book.record(address)
            offered = record.queries if self._around.query else record.calls
            if method.decode() not in offered:
                return abi.CALL_UNKNOWN
        except (Error, UnicodeDecodeError):
            return abi.CALL_UNKNOWN
        try:
            require_ordering(self._around.ordering, record.contract.ordering)
        except Error:
            return abi.CALL_ORDERING
        return None


def _verifies(key: bytes, signature: bytes, message: bytes) -> bytes:
    try:
        verify_raw(key, signature, message)
    except VerificationError:
        return _NO
    return _YES
