"""From what a client noticed to what it can prove: finds the strongest pair of signed checkpoints.

A consistency proof that does not come proves nothing to others. A second signature does: this looks
for one among all that the client keeps, and asks the server for the block that it should not show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from adyton.client.chain_store import BlockFile
from adyton.client.checkpoint_order import by_order, contradiction, divergence
from adyton.client.conflict import make_conflict, proving_nodes
from adyton.client.records import RequestRecord
from adyton.client.server_api import ServerApi
from adyton.client.signers import Signers, signed
from adyton.core.errors import ConflictError, Error, ForkError
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.ledger import Checkpoint, EntryProof, PublicPart, Receipt, entry_leaf


def accuse(
    found: ConflictError,
    signers: Signers,
    *,
    kept: Iterable[Checkpoint] = (),
    api: ServerApi | None = None,
) -> ConflictError:
    """Return the error with portable evidence, as strong as can be had; without, where a mere claim
    is all there is.

    A rollback that turns out to be signed twice comes back as a `ForkError`.

    Trust: runs in the client; what is stored and what the server shows is believed by signature
    alone.

    Args:
        found: what was noticed; its checkpoints were verified.
        signers: of the chain.
        kept: other checkpoints that the client keeps, not verified.
        api: the server, to be asked for more; None offline.
    """
    if found.evidence or not (found.held and found.shown):
        return _again(found)
    try:
        return _accused(found, signers, kept, api)
    except Error:
        return _again(found)  # it stands, whatever is wrong with what was asked for it


def _again(found: ConflictError) -> ConflictError:
    # A new one, so that it can be raised from the first.
    parts = (found.held, found.shown, found.path, found.evidence)
    return type(found)(found.code, found.message, *parts)


def _accused(
    found: ConflictError, signers: Signers, kept: Iterable[Checkpoint], api: ServerApi | None
) -> ConflictError:
    held, shown = Checkpoint.decode(found.held), Checkpoint.decode(found.shown)
    nodes: tuple[bytes, ...] = ()
    if not contradiction(held, shown):
        # Two blocks of one height are what people grasp, and the same pair at every look.
        held, shown = _pair(held, shown, signers, kept, api)
    if not contradiction(held, shown):
        nodes = _nodes(held, shown, found.path, api)
    proof = contradiction(held, shown) or divergence(held, shown, nodes)
    conflict = make_conflict(
        genesis=signers.genesis.encode(),
        evidence=_evidence(signers, held, shown),
        held=held,
        shown=shown,
        path=nodes,
        report="fork" if proof else found.code,
        seen_ms=signers.now_ms,
    )
    parts = (held.encode(), shown.encode(), found.path, conflict.encode())
    if proof:
        return ForkError("fork", proof, *parts)
    return type(found)(found.code, found.message, *parts)


def _evidence(signers: Signers, *checkpoints: Checkpoint) -> tuple[EvidenceBundle, ...]:
    for checkpoint in checkpoints:
        signers.require_signed(checkpoint)
    return signers.bundles


def _nodes(
    held: Checkpoint, shown: Checkpoint, path: tuple[bytes, ...], api: ServerApi | None
) -> tuple[bytes, ...]:
    """Return the nodes in which the server itself shows that one log does not begin with the other."""
    if not path:
        return ()
    found = proving_nodes(held, shown, path)
    older, newer = by_order(held, shown)
    old, size = older.facts.size, newer.facts.size
    if found or api is None or old & (old - 1) or old + 1 >= size:
        return found
    try:
        # The proof of a size past the power of two holds the root that the other one leaves out.
        other = api.get_checkpoint(old + 1, size).consistency
    except Error:
        return ()
    return proving_nodes(held, shown, path, other)


def _pair(
    held: Checkpoint,
    shown: Checkpoint,
    signers: Signers,
    kept: Iterable[Checkpoint],
    api: ServerApi | None,
) -> tuple[Checkpoint, Checkpoint]:
    """Return two signed checkpoints that contradict each other, or those that there were."""
    if api is not None:
        other = _block(api, held.facts.height, signers)
        if other is not None and contradiction(held, other):
            return held, other
        other = _block(api, shown.facts.height, signers)
        if other is not None and contradiction(other, shown):
            return other, shown
    for one in kept:
        for pair in ((one, shown), (held, one)):
            if contradiction(*pair) and signed(signers, one.encode()) is not None:
                return pair
    return held, shown


def _block(api: ServerApi, height: int, signers: Signers) -> Checkpoint | None:
    """Return the checkpoint under which the server shows a block, if it does, and if it is signed."""
    try:
        blocks = api.get_blocks(height, 1).blocks
    except Error:
        return None
    return signed(signers, blocks[0].checkpoint) if blocks else None


def kept_checkpoints(
    records: Callable[[], list[RequestRecord]], stored: BlockFile, signers: Signers
) -> Iterator[Checkpoint]:
    """Yield the checkpoints that a client keeps: of its own entries' proofs, of its copy of the chain.

    None of them is verified. Evidence that lies in the copy is added to `signers`.
    """
    for record in records():
        for encoded in (record.accepted, record.finished):
            found = None if encoded is None else unverified_checkpoint(encoded)
            if found is not None:
                yield found
    try:
        for block in stored.unverified_blocks():
            for public, _ in block.entries:
                if b"start" in public[:24]:
                    signers.add(
                        [NodeEvidence.decode(PublicPart.decode(public).body or b"").recorder]
                    )
            yield Checkpoint.decode(block.checkpoint)
    except Error:
        return  # a damaged copy is told of by `adyton chain verify`; what came before it is kept


def unverified_checkpoint(proof: bytes) -> Checkpoint | None:
    """Return the checkpoint to which an entry's proof leads; None where it leads nowhere."""
    try:
        entry = EntryProof.decode(proof)
        leaf = entry_leaf(entry.public, entry.writes, entry.part().claims)
        return Receipt.decode(entry.receipt).unverified_checkpoint(leaf)
    except Error:
        return None


def stored_chain(directory: Path, chain_id: bytes) -> BlockFile:
    """Return the client's own copy of a chain, which lies in the chain's directory."""
    return BlockFile(directory.parents[1], chain_id)
