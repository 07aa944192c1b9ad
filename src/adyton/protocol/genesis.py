"""Genesis, configuration and the names that follow from them: chain id, configuration digest, fingerprint."""

from __future__ import annotations

from typing import Annotated

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Measurement, Message, Uint, Uint32, message
from adyton.protocol.words import Admission, Ordering, PlatformKind, TimeSource


@message("task-policy/1")
class TaskPolicy(Message):
    """The greatest limits that a task may ask for, and how many run at once.

    Attributes:
        wall_s: seconds of wall time.
        memory: bytes of memory.
        output: bytes of standard output and of standard error, each.
        outputs: bytes of all files left in `out/`.
        workers: tasks that run at the same time.
    """

    wall_s: Annotated[int, AtMost(limits.TASK_WALL_S)]
    memory: Annotated[int, AtMost(limits.TASK_MEMORY)]
    output: Annotated[int, AtMost(limits.TASK_OUTPUT)]
    outputs: Annotated[int, AtMost(limits.TASK_OUTPUTS)]
    workers: Annotated[int, AtMost(64)]


@message("epoch-policy/1")
class EpochPolicy(Message):
    """How the keys of traffic and of transient state are replaced.

    Attributes:
        blocks: heights of an epoch, after which the next may be fixed; 0: epochs never advance.
        grace: heights of the new epoch in which the keys of the one before still open what clients sealed to them.
    """

    blocks: Uint32
    grace: Uint32


@message("configuration/1", max_bytes=4096)
class Configuration(Message):
    """All that an operator chooses; one message, whose digest is in the evidence.

    Attributes:
        platform: kind of platform the enclave must find itself on.
        admission: who may become a client.
        invite_key: Ed25519 key that signs invitations, where admission is `invite`.
        ordering: level that the engine offers.
        time_source: who says what time it is.
        tasks: limits of native tasks.
        epochs: how keys are replaced.
    """

    platform: PlatformKind
    admission: Admission
    invite_key: Bytes32 | None
    ordering: Ordering
    time_source: TimeSource
    tasks: TaskPolicy
    epochs: EpochPolicy

    def digest(self) -> bytes:
        """Return the configuration digest, 32 bytes."""
        return digest(Context.CONFIG, self.encode())


@message("genesis/1", max_bytes=8192)
class Genesis(Message):
    """What a chain is; its hash is the chain id.

    Attributes:
        configuration: fixed for the life of the chain.
        measurement: of the enclave that made the chain.
        simulated_root: SHA-256 of the simulated platform's root certificate, on that platform only.
        allow_simulated: whether nodes on the simulated platform may take part; recorded, never a default.
        nonce: drawn by the enclave.
        created_ms: host's clock, for people.
    """

    configuration: Configuration
    measurement: Measurement
    simulated_root: Bytes32 | None
    allow_simulated: bool
    nonce: Bytes32
    created_ms: Uint

    def chain_id(self) -> bytes:
        """Return the chain id, 32 bytes."""
        return digest(Context.GENESIS, self.encode())


def fingerprint(
    chain_id: bytes, measurement: bytes, config_digest: bytes, simulated_root: bytes | None
) -> bytes:
    """Return what a client pins: 32 bytes over chain, code, configuration and, if simulated, the root."""
    return digest(Context.FINGERPRINT, chain_id, measurement, config_digest, simulated_root or b"")
