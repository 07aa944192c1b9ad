"""A client's own receipts, held against a copy of the whole chain: each lies where it says."""

from __future__ import annotations

from collections.abc import Iterable

from adyton.client.accusation import accuse
from adyton.client.chain import ChainVerifier, VerifiedBlock
from adyton.client.checkpoint_order import contradiction
from adyton.client.records import RequestRecord
from adyton.client.signers import Signers
from adyton.core.errors import Error, ForkError, VerificationError
from adyton.protocol.ledger import EntryProof


class OwnReceipts:
    """The proofs that a client keeps of its own entries.

    Args:
        records: the client's requests.

    Raises:
        VerificationError: `receipt_invalid`, a stored proof has not its one form.
    """

    def __init__(self, records: Iterable[RequestRecord]) -> None:
        self._proofs: list[EntryProof] = []
        for record in records:
            for encoded in (record.accepted, record.finished):
                if encoded is not None:
                    self._proofs.append(_proof(encoded))
        self._blocks: dict[int, VerifiedBlock | None] = dict.fromkeys(
            proof.header.height for proof in self._proofs
        )

    def keep(self, block: VerifiedBlock) -> None:
        """Take up a verified block, where an entry of the client's lies in it."""
        if block.header.height in self._blocks:
            self._blocks[block.header.height] = block

    def require_in(self, verifier: ChainVerifier, signers: Signers) -> tuple[int, int]:
        """Refuse a chain in which an entry of the client's does not lie where its proof says.

        Args:
            verifier: of the chain whose blocks were given to `keep`.
            signers: of the chain.

        Returns:
            how many proofs lie in it, and how many are of blocks after its last.

        Raises:
            ForkError: the proof's block is another than the chain's, with portable evidence.
            VerificationError: `receipt_invalid`, a proof does not verify.
        """
        signers.add(verifier.evidence)
        inside = 0
        for proof in self._proofs:
            block = self._blocks[proof.header.height]
            if block is None:
                continue
            key = signers.key(proof.facts().key_id)
            _, checkpoint = proof.verify(key.public, verifier.chain_id)
            problem = contradiction(checkpoint, block.checkpoint)
            if problem:
                found = ForkError("fork", problem, checkpoint.encode(), block.checkpoint.encode())
                raise accuse(found, signers)
            inside += 1
        return inside, len(self._proofs) - inside


def _proof(encoded: bytes) -> EntryProof:
    try:
        return EntryProof.decode(encoded)
    except Error as problem:
        raise VerificationError("receipt_invalid", f"a kept proof: {problem.message}") from problem
