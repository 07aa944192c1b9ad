"""Fetching a chain page by page, verifying each block before it is stored."""

from __future__ import annotations

from collections.abc import Callable

from adyton.client.certificate import CertificatePolicy
from adyton.client.chain import ChainVerifier, LocalBlock, VerifiedBlock
from adyton.client.chain_store import BlockFile
from adyton.client.server_api import BlocksAnswer
from adyton.core.errors import RollbackError, VerificationError
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import Checkpoint

Fetch = Callable[[int], BlocksAnswer]
"""Return the answer to `GET /block?from=HEIGHT`; nothing in it is verified."""
Progress = Callable[[int, int], None]
"""Told the verified height and the newest height that the server claims."""


def _blocks(unverified: BlocksAnswer) -> list[LocalBlock]:
    """Return the page's blocks, bounded.

    Raises:
        MalformedError: a part of a block is over its bound.
    """
    return [
        LocalBlock.from_value(
            [
                LocalBlock.WIRE_NAME,
                block.header,
                block.checkpoint,
                [list(entry) for entry in block.entries],
            ]
        )
        for block in unverified.blocks
    ]


def verify_stored(
    stored: BlockFile,
    *,
    policy: CertificatePolicy,
    now_ms: int,
    keep: Callable[[VerifiedBlock], None] | None = None,
) -> ChainVerifier:
    """Verify a stored chain from its genesis on.

    Args:
        keep: given each block as it is verified; what follows it may still not verify.

    Raises:
        UsageError: nothing is stored.
        VerificationError: `chain_invalid`, with the height and what does not hold.
    """
    verifier = ChainVerifier(stored.unverified_genesis(), policy=policy, now_ms=now_ms)
    for unverified in stored.unverified_blocks():
        block = verifier.append(unverified)
        if keep is not None:
            keep(block)
    return verifier


def sync(
    file_of: Callable[[bytes], BlockFile],
    fetch: Fetch,
    *,
    policy: CertificatePolicy,
    now_ms: int,
    seen: Checkpoint | None = None,
    progress: Progress | None = None,
) -> tuple[ChainVerifier, int]:
    """Bring the stored chain up to the server's; return it, verified, and the count of new blocks.

    Trust: runs in the client; pages come from the host, stored blocks from the client's disk; both
    are verified.

    Args:
        file_of: gives the file of a chain id.
        fetch: gives a page of blocks from a height on.
        policy: what the reader demands; the chain must be of a fingerprint that it pins.
        now_ms: verification time.
        seen: the newest checkpoint that the client has verified elsewhere; the chain must hold it.
        progress: told how far it is.

    Raises:
        RollbackError: the server shows less than was seen, or something else.
        VerificationError: a stored or fetched block does not verify.
    """
    page = fetch(1)
    # The page's genesis may be anything until its fingerprint is compared; only then is a path made
    # of it.
    verifier = ChainVerifier(page.genesis, policy=policy, now_ms=now_ms)
    stored = file_of(Genesis.decode(page.genesis).chain_id())
    stored.create(page.genesis)
    stored.cut_torn_tail()
    for block in stored.unverified_blocks():
        _require_seen(verifier.append(block).checkpoint, seen)
    blocks = _blocks(page)
    if verifier.last is not None:
        page = fetch(verifier.height)
        _require_same_last(verifier, page)
        blocks = _blocks(page)[1:]
    added = 0
    while True:
        for block in blocks:
            _require_seen(verifier.append(block).checkpoint, seen)
        if blocks:
            stored.append(blocks)
            added += len(blocks)
        if progress:
            progress(verifier.height, page.height)
        if verifier.height >= page.height:
            _require_reached(verifier, seen)
            return verifier, added
        page = fetch(verifier.height + 1)
        blocks = _blocks(page)
        if not blocks:
            raise VerificationError(
                "chain_invalid", f"block {verifier.height + 1}: the server does not show it"
            )


def _require_same_last(verifier: ChainVerifier, page: BlocksAnswer) -> None:
    """Refuse a server whose chain does not contain the last block that is stored."""
    last = verifier.last
    if last is None:
        return
    held = last.checkpoint.encode()
    if page.height < verifier.height or not page.blocks:
        raise RollbackError(
            "rollback",
            f"the server shows {page.height} blocks where {verifier.height} are held",
            held,
        )
    shown = Checkpoint.decode(page.blocks[0].checkpoint)
    if shown.encode() != held:
        # Only a signed contradiction is evidence of a fork; anything else is noise.
        verifier.require_signed(shown)
        raise RollbackError(
            "fork", f"the server shows another block {verifier.height}", held, shown.encode()
        )


def _require_seen(verified: Checkpoint, seen: Checkpoint | None) -> None:
    """Refuse a chain that has another block where the client has seen one."""
    if seen is None or verified.facts.height != seen.facts.height:
        return
    if verified.encode() != seen.encode():
        raise RollbackError(
            "fork",
            f"the chain shows another block {seen.facts.height} than was seen before",
            seen.encode(),
            verified.encode(),
        )


def _require_reached(verifier: ChainVerifier, seen: Checkpoint | None) -> None:
    """Refuse a chain that ends before what the client has seen."""
    if seen is not None and verifier.last is not None and verifier.height < seen.facts.height:
        raise RollbackError(
            "rollback",
            f"the chain shows {verifier.height} blocks where {seen.facts.height} were seen",
            seen.encode(),
            verifier.last.checkpoint.encode(),
        )
