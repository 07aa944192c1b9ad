"""The run certificate: one file per task that stands on its own, offline.

It holds genesis, the evidence of every key that signed, the proofs of acceptance and end, the commitments, and those
openings that its holder chooses to show. What is not opened stays secret.
"""

from __future__ import annotations

from typing import Annotated

from adyton.core import limits
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, message
from adyton.protocol.evidence import EvidenceBundle
from adyton.protocol.ledger import EntryProof


@message("opening/1", max_bytes=limits.CERTIFICATE)
class Opening(Message):
    """A claim that is shown: its field, its salt, and the committed value."""

    field: Annotated[str, AtMost(32)]
    salt: Bytes32
    value: Annotated[bytes, AtMost(limits.BLOB)]


@message("run-certificate/1", max_bytes=limits.CERTIFICATE)
class RunCertificate(Message):
    """Proof that a task was accepted, run and recorded.

    Attributes:
        genesis: encoded genesis.
        evidence: of every recorder and runner key that signed below; in the order of first use.
        accepted: proof of the accepted request.
        finished: proof of its end; the public part's body is the runner's signed statement.
        commitments: to the fields of `claims.TASK_FIELDS`, in their order.
        openings: those that the holder shows, in the same order.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    evidence: Annotated[tuple[EvidenceBundle, ...], AtMost(4)]
    accepted: EntryProof
    finished: EntryProof
    commitments: Annotated[tuple[Bytes32, ...], AtMost(16)]
    openings: Annotated[tuple[Opening, ...], AtMost(16)]
