"""What the verified view gives out, and the two refusals that a caller can do something about."""

from __future__ import annotations

from dataclasses import dataclass

from adyton.core.errors import Error, ReceiptError
from adyton.protocol.ledger import BlockHeader, Checkpoint, EntryProof, PublicPart


class UnknownKeyError(ReceiptError):
    """Signed by a key whose evidence the view has not seen; appraise it, and offer the bytes again.

    Attributes:
        key_id: eight bytes that name the key.
    """

    def __init__(self, key_id_: bytes) -> None:
        super().__init__("receipt_invalid", "signed by a key that was never attested here")
        self.key_id = key_id_

    def __reduce__(self) -> tuple[type[Error], tuple[bytes]]:  # type: ignore[override]  # own arguments
        return type(self), (self.key_id,)


class UnjoinedError(ReceiptError):
    """No consistency proof that was shown joins a signed checkpoint to the held one.

    A bad proof alone accuses nobody; a server that has no good one tells two stories.

    Attributes:
        held: COSE_Sign1 bytes of the held checkpoint.
        shown: of the one that could not be joined to it.
        path: the proof that was shown.
    """

    def __init__(self, held: bytes, shown: bytes, path: tuple[bytes, ...] = ()) -> None:
        super().__init__("receipt_invalid", "the consistency proof does not join the checkpoints")
        self.held = held
        self.shown = shown
        self.path = path

    def __reduce__(self) -> tuple[type[Error], tuple[object, ...]]:  # type: ignore[override]  # own arguments
        return type(self), (self.held, self.shown, self.path)


@dataclass(frozen=True)
class KnownNode:
    """One attested start of a node.

    Attributes:
        recorder_key: Ed25519, signs checkpoints and key answers.
        runner_key: Ed25519, signs the ends of tasks.
        measurement: 48 bytes, of the code that holds both.
        evidence: encoded `NodeEvidence` that shows it.
    """

    recorder_key: bytes
    runner_key: bytes
    measurement: bytes
    evidence: bytes


@dataclass(frozen=True)
class VerifiedEntry:
    """An entry that lies in this chain.

    Attributes:
        proof: from which it can be verified again.
        part: what it says.
        checkpoint: of its block.
        node: attested start whose recorder key signed the checkpoint.
        exec_id: name of its execution.
    """

    proof: EntryProof
    part: PublicPart
    checkpoint: Checkpoint
    node: KnownNode
    exec_id: bytes

    @property
    def header(self) -> BlockHeader:
        """Header of the entry's block."""
        return self.proof.header
