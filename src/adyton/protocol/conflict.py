"""What clients show each other of a chain: where they stand, and what its server cannot take back.

A head lets two clients compare what they were shown. A conflict is evidence of two histories, for
somebody who was not there: chapter `conflict` of the specification.
"""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.fields import AtMost, OneOf
from adyton.core.schema import Bytes32, Message, Uint, message
from adyton.protocol.evidence import EvidenceBundle

REPORTS: Final = ("fork", "rollback")
Signed = Annotated[bytes, AtMost(limits.CHECKPOINT)]


@message("chain-head/1", max_bytes=2 * limits.EVIDENCE)
class ChainHead(Message):
    """The newest checkpoint that a client has verified.

    Attributes:
        checkpoint: COSE_Sign1.
        evidence: of the recorder key that signed it; null where the receiver knows the key.
    """

    checkpoint: Signed
    evidence: EvidenceBundle | None


@message("chain-conflict/1", max_bytes=3 * limits.EVIDENCE)
class ChainConflict(Message):
    """Two signed checkpoints of one chain that do not go together.

    Attributes:
        genesis: encoded genesis of the chain.
        evidence: of the recorder keys that signed, each once, in the order of first use.
        held: COSE_Sign1 that was seen first.
        shown: COSE_Sign1 that does not go with it.
        nodes: what shows that the larger log does not begin with the smaller; empty where the
            checkpoints speak for themselves, or nothing shows it.
        report: what the maker of this file saw, `fork` or `rollback`; nobody signs it.
        seen_ms: when, by the maker's clock; nobody signs it.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    evidence: Annotated[tuple[EvidenceBundle, ...], AtMost(2)]
    held: Signed
    shown: Signed
    nodes: Annotated[tuple[Bytes32, ...], AtMost(limits.PROOF_NODES)]
    report: Annotated[str, OneOf.of(*REPORTS)]
    seen_ms: Uint
