"""Contracts: what is deployed and called, what comes back, what everybody may read of it."""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import UsageError
from adyton.core.fields import AtMost, OneOf
from adyton.core.schema import Bytes32, Message, Uint, Uint32, message
from adyton.protocol.words import Ordering

APP: Final = "contracts"
DEPLOY: Final = "deploy"
CALL: Final = "call"
UPGRADE: Final = "upgrade"
QUERY: Final = "query"
DESCRIBE: Final = "describe"
CODE: Final = "code"

NEVER: Final = "never"
DEPLOYER: Final = "deployer"
CALL_STATUSES: Final = ("done", "refused", "trapped", "out_of_fuel", "limit", "forbidden")

MethodName = Annotated[str, AtMost(32)]
Input = Annotated[bytes, AtMost(limits.CONTRACT_INPUT)]
ContractCode = Annotated[bytes, AtMost(limits.CONTRACT_CODE)]
UpgradePolicy = Annotated[str, OneOf.of(NEVER, DEPLOYER)]
Padding = Annotated[int, AtMost(limits.CONTRACT_PADDING)]
Fuel = Annotated[int, AtMost(limits.CONTRACT_FUEL)]
CallStatus = Annotated[str, OneOf.of(*CALL_STATUSES)]


@message("contract-deploy/1", max_bytes=limits.ARGUMENTS_BYTES)
class Deploy(Message):
    """Make a contract.

    Attributes:
        code: Wasm module.
        given: input for its `init`.
        upgrade: who may put other code in its place.
        ordering: least ordering level under which it answers calls.
        padding: smallest size class of its stored values, results and events; 0 pads nothing that is not padded anyway.
        fuel: the most that `init` may use.
    """

    code: ContractCode
    given: Input
    upgrade: UpgradePolicy
    ordering: Ordering
    padding: Padding
    fuel: Fuel


@message("contract-call/1", max_bytes=limits.ARGUMENTS_BYTES)
class Call(Message):
    """Call a method that may change state; as a read, one that may not."""

    address: Bytes32
    method: MethodName
    given: Input
    fuel: Fuel


@message("contract-upgrade/1", max_bytes=limits.ARGUMENTS_BYTES)
class Upgrade(Message):
    """Put other code in a contract's place and run its `migrate` over the state."""

    address: Bytes32
    code: ContractCode
    given: Input
    fuel: Fuel


@message("contract-address/1", max_bytes=256)
class Asked(Message):
    """Name a contract that is to be described, or whose code is asked for."""

    address: Bytes32


@message("contract/1", max_bytes=4096)
class Contract(Message):
    """What everybody may know of a contract.

    Attributes:
        address: its name.
        code_hash: `code_hash` of its module.
        deployer: public key of the client that made it.
        upgrade: who may put other code in its place.
        ordering: least ordering level under which it answers calls.
        padding: smallest size class of what it stores and answers.
        version: number of upgrades.
        height: block in which it became what it is.
    """

    address: Bytes32
    code_hash: Bytes32
    deployer: Bytes32
    upgrade: UpgradePolicy
    ordering: Ordering
    padding: Padding
    version: Uint32
    height: Uint


@message("contract-description/1", max_bytes=limits.ENTRY)
class Description(Message):
    """A contract, its methods, and the interface description that its module carries."""

    contract: Contract
    calls: Annotated[tuple[MethodName, ...], AtMost(limits.CONTRACT_EXPORTS)]
    queries: Annotated[tuple[MethodName, ...], AtMost(limits.CONTRACT_EXPORTS)]
    interface: Annotated[bytes, AtMost(limits.CONTRACT_INTERFACE)]


@message("contract-usage/1", max_bytes=256)
class ContractUsage(Message):
    """What a call has cost; the same on every node.

    Attributes:
        fuel: of all contracts that it entered.
        stored: bytes of keys and values that it has written.
        reads: values that were read from the host.
    """

    fuel: Uint
    stored: Uint
    reads: Uint


@message("contract-result/1", max_bytes=limits.ENTRY)
class Result(Message):
    """How a deployment, call, upgrade or query ended: for the caller alone.

    Attributes:
        status: `done`, or what undid its changes.
        reason: why, where it is not done.
        address: of the contract.
        code_hash: of the code that ran.
        output: the contract's answer.
        usage: what it has cost, also where it is not done.
        logs: what the contracts had to say.
    """

    status: CallStatus
    reason: Annotated[str, AtMost(1024)]
    address: Bytes32
    code_hash: Bytes32
    output: Annotated[bytes, AtMost(limits.CONTRACT_OUTPUT)]
    usage: ContractUsage
    logs: Annotated[tuple[Annotated[str, AtMost(4096)], ...], AtMost(limits.CONTRACT_LOG_LINES)]


@message("contract-event/1", max_bytes=8192)
class PublicEvent(Message):
    """What a contract tells everybody."""

    address: Bytes32
    topic: Annotated[str, AtMost(64)]
    data: Annotated[bytes, AtMost(limits.CONTRACT_EVENT)]


@message("contract-entry/1", max_bytes=limits.PUBLIC_PART)
class ContractEntry(Message):
    """What everybody may read of a deployment, upgrade or call; absent where there is nothing.

    Attributes:
        contract: what was made or changed.
        events: in order.
        sealed_events: each for the holder of one key, `protocol/derived.py`; for whom, and of
            which contract, nothing tells.
    """

    contract: Contract | None
    events: Annotated[tuple[PublicEvent, ...], AtMost(limits.CONTRACT_EVENTS)]
    sealed_events: Annotated[
        tuple[Annotated[bytes, AtMost(limits.CONTRACT_SEALED_EVENT)], ...],
        AtMost(limits.CONTRACT_EVENTS),
    ]


def code_hash(code: bytes) -> bytes:
    """Return the name of a module, 32 bytes."""
    return digest(Context.CONTRACT_CODE, code)


def contract_address(exec_id: bytes, code_hash_: bytes, deployer: bytes) -> bytes:
    """Return the address of the contract that a deployment makes, 32 bytes."""
    return digest(Context.CONTRACT_ADDRESS, exec_id, code_hash_, deployer)


def require_method(name: str, offered: tuple[str, ...]) -> None:
    """Refuse a method that the contract does not have.

    Raises:
        UsageError: it has no such method.
    """
    if name not in offered:
        raise UsageError("method_unknown", f"the contract has no method {name!r}")
