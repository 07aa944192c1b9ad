"""The contracts app: deploys, calls and upgrades in order; answers queries and describes without.

A call that fails is carried out all the same: the caller gets the reason under seal, pays its fuel, and nothing else of
it stays. Refused in public is only what tells nothing about a contract's inside: no such contract or method, a block
whose fuel is used up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from adyton.core import limits
from adyton.core.errors import (
    GuestError,
    InvariantError,
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.enclave.apps.base import Call, Outcome
from adyton.enclave.contracts.book import Book, Record
from adyton.enclave.contracts.execution import Execution, Habits, Surroundings
from adyton.enclave.contracts.modules import Modules
from adyton.enclave.keys import Keys
from adyton.enclave.sealing import Head
from adyton.enclave.state import Loaded
from adyton.protocol import contract as protocol
from adyton.protocol.claims import CONTRACT_FIELDS, claims_digest, commit
from adyton.protocol.contract import (
    Contract,
    ContractEntry,
    ContractUsage,
    Description,
    PublicEvent,
    Result,
    code_hash,
    contract_address,
    require_method,
)
from adyton.protocol.envelope import Request
from adyton.protocol.padding import pad
from adyton.protocol.wasm_module import Outline, read_module
from adyton.protocol.words import require_ordering
from adyton.sandbox.wasm import abi
from adyton.sandbox.wasm.engine import EngineGone
from adyton.sandbox.wasm.run import CLIENT, End

_ATTEMPTS = 2
_EVENT_LEAST = 256
_SEALED = 1  # of an event: who can read it is not told


class Contracts:
    """Deploys and runs contracts.

    Args:
        keys: of the chain.
        book: contracts and their values.
        modules: their machine code.
        head: gives the last executed block, for queries.
    """

    name = protocol.APP

    def __init__(self, keys: Keys, book: Book, modules: Modules, head: Callable[[], Head]) -> None:
        self._keys = keys
        self._book = book
        self._modules = modules
        self._head = head
        self._habits = Habits()
        self._block = _Block(0)

    def visit(self, loaded: Loaded) -> None:
        """Take up a value met while the state is loaded."""
        self._book.visit(loaded)

    # --- in order -------------------------------------------------------------------------------

    def execute(self, call: Call) -> Outcome:
        """Deploy, call or upgrade a contract."""
        method = call.request.method
        if method not in (protocol.DEPLOY, protocol.CALL, protocol.UPGRADE):
            raise UsageError("method_unknown", "contracts are deployed, called and upgraded")
        self._require_room(call.height)
        if method == protocol.CALL:
            return self._call(call, protocol.Call.decode(call.request.arguments))
        if method == protocol.DEPLOY:
            return self._deploy(call, protocol.Deploy.decode(call.request.arguments))
        return self._upgrade(call, protocol.Upgrade.decode(call.request.arguments))

    def _deploy(self, call: Call, asked: protocol.Deploy) -> Outcome:
        hashed, deployer = code_hash(asked.code), call.request.client_key
        contract = Contract(
            contract_address(call.exec_id, hashed, deployer),
            hashed,
            deployer,
            asked.upgrade,
            asked.ordering,
            asked.padding,
            0,
            call.height,
        )
        return self._install(call, contract, asked.code, "init", asked.given, asked.fuel)

    def _upgrade(self, call: Call, asked: protocol.Upgrade) -> Outcome:
        held = self._book.record(asked.address).contract
        if held.upgrade != protocol.DEPLOYER or held.deployer != call.request.client_key:
            raise PolicyError("not_upgradable", "the contract does not allow it to this client")
        contract = replace(
            held,
            code_hash=code_hash(asked.code),
            version=held.version + 1,
            height=call.height,
        )
        return self._install(call, contract, asked.code, "migrate", asked.given, asked.fuel)

    def _install(
        self, call: Call, contract: Contract, code: bytes, export: str, given: bytes, fuel: int
    ) -> Outcome:
        """Put a module in place and run its first entry point over the state."""
        require_ordering(call.genesis.configuration.ordering, contract.ordering)
        try:
            outline = read_module(code)
            # Whatever becomes of it: a compiler's process is started for it, and ended.
            self._block.fuel += limits.CONTRACT_COMPILE + limits.CONTRACT_COMPILE_BYTE * len(code)
            self._modules.compile(contract.code_hash, code)
        except (MalformedError, GuestError) as problem:
            # The deployer is told why; a public code would not say it.
            end = End(abi.REFUSED, problem.message[: abi.REASON], 0)
            return self._outcome(call, contract, export, given, end, None, None)
        required = export == "migrate" and not outline.migrate
        if required:
            end = End(abi.REFUSED, "the new code has no migrate", 0)
            return self._outcome(call, contract, export, given, end, None, None)
        entered = outline.init if export == "init" else True
        end, execution = self._run(call, contract, code, export if entered else "", given, fuel)
        record = _record(contract, outline) if end.status == abi.DONE else None
        outcome = self._outcome(call, contract, export, given, end, execution, record)
        if record is not None and outcome.body is not None:
            self._book.write(record, code)
            self._block.size += len(code)
        return outcome

    def _call(self, call: Call, asked: protocol.Call) -> Outcome:
        record = self._book.record(asked.address)
        require_ordering(call.genesis.configuration.ordering, record.contract.ordering)
        require_method(asked.method, record.calls)
        end, execution = self._run(
            call, record.contract, None, f"call:{asked.method}", asked.given, asked.fuel
        )
        return self._outcome(call, record.contract, asked.method, asked.given, end, execution, None)

    def _run(
        self,
        call: Call,
        contract: Contract,
        code: bytes | None,
        export: str,
        given: bytes,
        fuel: int,
    ) -> tuple[End, Execution]:
        around = Surroundings(
            call.height,
            call.time_ms,
            call.genesis.configuration.ordering,
            False,
            partial(self._keys.contract_random, call.exec_id),
        )
        try:
            end, execution = self._enter(
                around, contract, code, export, given, fuel, call.request.client_key
            )
        except GuestError:
            # It took as long as any call, and more.
            self._block.fuel += fuel
            raise
        self._block.fuel += end.fuel
        return end, execution

    def _enter(
        self,
        around: Surroundings,
        contract: Contract,
        code: bytes | None,
        export: str,
        given: bytes,
        fuel: int,
        client_key: bytes,
    ) -> tuple[End, Execution]:
        """Enter a contract; once more, from the start, where the engine ends meanwhile."""
        for _ in range(_ATTEMPTS):
            execution = Execution(self._book, self._modules, around, self._habits)
            if not export:
                return End(abi.DONE, "", 0), execution
            try:
                caller = (CLIENT, client_key)
                return execution.enter(contract, code, export, given, fuel, caller), execution
            except EngineGone:
                continue
        raise GuestError("engine_failed", "the contract ends the engine that runs it")

    def _require_room(self, height: int) -> None:
        if self._block.height != height:
            self._block = _Block(height)
        if (
            self._block.fuel >= limits.CONTRACT_BLOCK_FUEL
            or self._block.size >= limits.CONTRACT_BLOCK_BYTES
        ):
            raise UnavailableError("out_of_block_fuel", "the block's fuel or room is used up")

    # --- what is left ---------------------------------------------------------------------------

    def _outcome(
        self,
        call: Call,
        contract: Contract,
        method: str,
        given: bytes,
        end: End,
        execution: Execution | None,
        record: Record | None,
    ) -> Outcome:
        """Write what the request has changed, and say what becomes public."""
        body: bytes | None = None
        if execution is not None and execution.weight > limits.CONTRACT_STORED:
            end = end._replace(status=abi.LIMIT, reason="the call writes too much", output=b"")
        if execution is not None and end.status == abi.DONE:
            try:
                body = self._body(call.exec_id, contract, execution, record)
            except VerificationError:
                end = end._replace(
                    status=abi.LIMIT, reason="an event is sealed to what is no key", output=b""
                )
        failed = execution is None or end.status != abi.DONE
        if execution is not None and failed:
            execution.journal.clear()
        usage = ContractUsage(end.fuel, 0, 0) if execution is None else execution.usage(end)
        if execution is not None:
            self._block.size += execution.weight
            for (address, key), value in execution.journal.items():
                self._book.put(execution.contracts[address], key, value)
        result = Result(
            end.status,
            end.reason,
            contract.address,
            contract.code_hash,
            end.output,
            usage,
            _lines(execution),
        )
        values = {
            "address": contract.address,
            "code_hash": contract.code_hash,
            "method": method.encode(),
            "caller": call.request.client_key,
            "input": given,
            "status": end.status.encode(),
            "output": end.output,
            "usage": usage.encode(),
        }
        commitments = commit(CONTRACT_FIELDS, values, call.request.result_key, call.exec_id)
        encoded = result.encode()
        self._block.size += len(encoded) + len(body or b"")
        return Outcome(encoded, claims_digest(commitments), body)

    def _body(
        self, exec_id: bytes, contract: Contract, execution: Execution, record: Record | None
    ) -> bytes | None:
        """Return what everybody may read; None where that is nothing.

        Raises:
            VerificationError: an event is sealed to what is no key.
        """
        public: list[PublicEvent] = []
        sealed: list[bytes] = []
        for address, event in execution.events:
            told = PublicEvent(address, event.topic.decode(), event.data)
            if event.recipient is None:
                public.append(told)
            else:
                least = max(_EVENT_LEAST, execution.contracts[address].padding)
                padded = pad(told.encode(), least=min(least, limits.CONTRACT_EVENT))
                sealed.append(
                    self._keys.seal_derived(exec_id, len(sealed), event.recipient, padded)
                )
        if record is None and not public and not sealed:
            return None
        made = None if record is None else contract
        return ContractEntry(made, tuple(public), tuple(sealed)).encode()

    # --- without order --------------------------------------------------------------------------

    def read(self, request: Request) -> bytes:
        """Answer a query, or describe a contract."""
        if request.method == protocol.QUERY:
            return self._query(request, protocol.Call.decode(request.arguments))
        asked = protocol.Asked.decode(request.arguments)
        record = self._book.record(asked.address)
        code = self._book.code(record.contract.code_hash)
        if code is None:
            raise InvariantError("invariant", "a contract without code")
        if request.method == protocol.CODE:
            return code
        if request.method != protocol.DESCRIBE:
            raise UsageError("method_unknown", "contracts are queried and described")
        return Description(
            record.contract, record.calls, record.queries, read_module(code).interface
        ).encode()

    def _query(self, request: Request, asked: protocol.Call) -> bytes:
        record = self._book.record(asked.address)
        head, ordering = self._head(), self._keys.genesis.configuration.ordering
        require_ordering(ordering, record.contract.ordering)
        require_method(asked.method, record.queries)
        around = Surroundings(head.height, head.time_ms, ordering, True, None)
        end, execution = self._enter(
            around,
            record.contract,
            None,
            f"query:{asked.method}",
            asked.given,
            min(asked.fuel, limits.CONTRACT_QUERY_FUEL),
            request.client_key,
        )
        return Result(
            end.status,
            end.reason,
            asked.address,
            record.contract.code_hash,
            end.output,
            execution.usage(end),
            _lines(execution),
        ).encode()

    def close(self) -> None:
        """End the engine."""
        self._modules.close()


@dataclass
class _Block:
    """What the requests of one block have used.

    Attributes:
        height: of the block.
        fuel: used.
        size: bytes written, answered and made public, roughly.
    """

    height: int
    fuel: int = 0
    size: int = 0


def _record(contract: Contract, outline: Outline) -> Record:
    return Record(contract, outline.calls, outline.queries)


def _lines(execution: Execution | None) -> tuple[str, ...]:
    """Return the newest lines of log that a result has room for, in order."""
    kept: list[str] = []
    room = limits.CONTRACT_LOG_BYTES
    for line in reversed([] if execution is None else execution.logs):
        room -= len(line.encode())
        if room < 0 or len(kept) == limits.CONTRACT_LOG_LINES:
            break
        kept.append(line)
    return tuple(reversed(kept))
