"""The book of contracts: who they are and which keys each holds; in memory, rebuilt from the state.

Names in the state, of app `contracts`: `c` + code hash holds a module, `r` + address a record, `s` + address + key a
value, sealed once more under the contract's own key.
"""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Final

from sortedcontainers import SortedList

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.errors import UsageError
from adyton.core.fields import AtMost
from adyton.core.schema import Message, message
from adyton.enclave.keys import Keys
from adyton.enclave.state import Loaded, State
from adyton.enclave.state_value import DURABLE, PADDED
from adyton.protocol import contract as protocol
from adyton.protocol.contract import Contract, MethodName

_CODE: Final = b"c"
_RECORD: Final = b"r"
_VALUE: Final = b"s"


@message("contract-record/1", max_bytes=32 * limits.KIB)
class Record(Message):
    """A contract as the state has it.

    Attributes:
        contract: what everybody may know.
        calls: methods that may change state.
        queries: methods that may not.
    """

    contract: Contract
    calls: Annotated[tuple[MethodName, ...], AtMost(limits.CONTRACT_EXPORTS)]
    queries: Annotated[tuple[MethodName, ...], AtMost(limits.CONTRACT_EXPORTS)]


class Book:
    """Contracts, their code and their values.

    Args:
        keys: of the chain.
        state: holds what the book says.
    """

    def __init__(self, keys: Keys, state: State) -> None:
        self._keys = keys
        self._state = state
        self._records: dict[bytes, Record] = {}
        self._held: dict[bytes, SortedList[bytes]] = {}

    def visit(self, loaded: Loaded) -> None:
        """Take up a value met while the state is loaded."""
        if loaded.app != protocol.APP:
            return
        kind, name = loaded.name[:1], loaded.name[1:]
        if kind == _RECORD:
            self._records[name] = loaded.message(Record)
        elif kind == _VALUE:
            self._keys_of(name[:32]).add(name[32:])

    # --- contracts ------------------------------------------------------------------------------

    def record(self, address: bytes) -> Record:
        """Return what is known of a contract.

        Raises:
            UsageError: `contract_unknown`.
        """
        record = self._records.get(address)
        if record is None:
            raise UsageError("contract_unknown", "there is no contract at this address")
        return record

    def write(self, record: Record, code: bytes) -> None:
        """Write a new or changed contract and its code; seen from now on."""
        contract = record.contract
        self._state.set(protocol.APP, _CODE + contract.code_hash, code)
        self._state.set(protocol.APP, _RECORD + contract.address, record.encode())
        self._records[contract.address] = record

    def code(self, code_hash: bytes) -> bytes | None:
        """Return a module of a contract; None where none has it.

        Raises:
            InvariantError: the host's answer is not what was written.
        """
        return self._state.get(protocol.APP, _CODE + code_hash)

    # --- values ---------------------------------------------------------------------------------

    def value(self, address: bytes, key: bytes) -> bytes | None:
        """Return a contract's value, verified; None where there is none, without asking the host.

        Raises:
            InvariantError: the host's answer is not what was written.
        """
        sealed = self._state.get_hot(protocol.APP, _VALUE + address + key)
        if sealed is None:
            return None
        return self._keys.contract_state(address).open(sealed, Context.AD_CONTRACT_VALUE, key)

    def is_hot(self, address: bytes, key: bytes) -> bool:
        """Say whether reading a value asks nobody."""
        return self._state.is_hot(protocol.APP, _VALUE + address + key)

    def put(self, contract: Contract, key: bytes, value: bytes | None) -> None:
        """Write or remove a contract's value."""
        name = _VALUE + contract.address + key
        held = self._keys_of(contract.address)
        if value is None:
            self._state.remove(protocol.APP, name)
            held.discard(key)
            return
        sealed = self._keys.contract_state(contract.address).seal(
            value, Context.AD_CONTRACT_VALUE, key
        )
        kind = PADDED if contract.padding else DURABLE
        self._state.set(protocol.APP, name, sealed, kind=kind, least=contract.padding, hot=True)
        if key not in held:
            held.add(key)

    def keys_from(self, address: bytes, at: bytes, most: int, *, inclusive: bool) -> list[bytes]:
        """Return up to `most` keys of a contract from `at` on, ascending, as of the last finished request."""
        held = self._held.get(address)
        if held is None:
            return []
        return list(islice(held.irange(at, inclusive=(inclusive, True)), most))

    def _keys_of(self, address: bytes) -> SortedList[bytes]:
        held = self._held.get(address)
        if held is None:
            held = self._held[address] = SortedList()
        return held
