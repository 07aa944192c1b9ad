"""Fetching a chain page by page, verifying each block before it is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adyton.client.accusation import accuse, kept_checkpoints
from adyton.client.certificate import CertificatePolicy
from adyton.client.chain import ChainVerifier, LocalBlock, VerifiedBlock
from adyton.client.chain_store import BlockFile
from adyton.client.checkpoint_order import contradiction, same_block
from adyton.client.server_api import BlocksAnswer
from adyton.client.signers import Signers
from adyton.core.errors import ConflictError, ForkError, RollbackError, VerificationError
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
    seen: Sequence[Checkpoint] = (),
    signers: Signers | None = None,
    keep: Callable[[VerifiedBlock], None] | None = None,
) -> ChainVerifier:
    """Verify a stored chain from its genesis on.

    Args:
        seen: checkpoints that the client has verified elsewhere; those that the chain reaches must
            be in it.
        signers: who signed what was seen.
        keep: given each block as it is verified; what follows it may still not verify.

    Raises:
        UsageError: nothing is stored.
        ForkError: a block is not the one that was seen.
        VerificationError: `chain_invalid`, with the height and what does not hold.
    """
    verifier = ChainVerifier(stored.unverified_genesis(), policy=policy, now_ms=now_ms)
    expected = _Seen(seen)
    try:
        with stored.held():
            for unverified in stored.unverified_blocks():
                block = verifier.append(unverified)
                expected.require(block.checkpoint)
                if keep is not None:
                    keep(block)
    except ConflictError as found:
        raise accuse(found, _signers(verifier, signers, policy, now_ms)) from found
    return verifier


def sync(
    file_of: Callable[[bytes], BlockFile],
    fetch: Fetch,
    *,
    policy: CertificatePolicy,
    now_ms: int,
    seen: Sequence[Checkpoint] = (),
    signers: Signers | None = None,
    keep: Callable[[VerifiedBlock], None] | None = None,
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
        seen: checkpoints that the client has verified elsewhere; the chain must hold them all.
        signers: who signed what was seen, and may sign what the stored chain does not announce.
        keep: given each block as it is verified, stored ones and new ones.
        progress: told how far it is.

    Raises:
        RollbackError: the server shows less than was seen. ForkError: it shows something else; both
            with portable evidence.
        VerificationError: a stored or fetched block does not verify.
    """
    page = fetch(1)
    # The page's genesis may be anything until its fingerprint is compared; only then is a path made
    # of it.
    verifier = ChainVerifier(page.genesis, policy=policy, now_ms=now_ms)
    stored = file_of(Genesis.decode(page.genesis).chain_id())
    stored.create(verifier.genesis.encode())
    try:
        # To the end: what is appended follows what was read.
        with stored.held():
            return _sync(
                verifier,
                stored,
                page,
                fetch,
                expected=_Seen(seen),
                known=lambda: _signers(verifier, signers, policy, now_ms),
                keep=keep,
                progress=progress,
            )
    except ConflictError as found:
        known = _signers(verifier, signers, policy, now_ms)
        kept = kept_checkpoints(list, stored, known)
        raise accuse(found, known, kept=kept) from found


def _sync(
    verifier: ChainVerifier,
    stored: BlockFile,
    page: BlocksAnswer,
    fetch: Fetch,
    *,
    expected: _Seen,
    known: Callable[[], Signers],
    keep: Callable[[VerifiedBlock], None] | None,
    progress: Progress | None,
) -> tuple[ChainVerifier, int]:
    stored.cut_torn_tail()

    def append(unverified: LocalBlock) -> None:
        block = verifier.append(unverified)
        expected.require(block.checkpoint)
        if keep is not None:
            keep(block)

    for block in stored.unverified_blocks():
        append(block)
    blocks = _blocks(page)
    if verifier.last is not None:
        page = fetch(verifier.height)
        _require_same_last(verifier, page, fetch, known())
        blocks = _blocks(page)[1:]
    added = 0
    while True:
        for block in blocks:
            append(block)
        if blocks:
            stored.append(blocks)
            added += len(blocks)
        if progress:
            progress(verifier.height, page.height)
        if verifier.height >= page.height:
            expected.require_reached(verifier)
            return verifier, added
        page = fetch(verifier.height + 1)
        blocks = _blocks(page)
        if not blocks:
            raise VerificationError(
                "chain_invalid", f"block {verifier.height + 1}: the server does not show it"
            )


def _signers(
    verifier: ChainVerifier, given: Signers | None, policy: CertificatePolicy, now_ms: int
) -> Signers:
    made = given or Signers(verifier.genesis, allow_simulated=policy.allow_simulated, now_ms=now_ms)
    made.add(verifier.evidence)
    return made


def _require_same_last(
    verifier: ChainVerifier, page: BlocksAnswer, fetch: Fetch, signers: Signers
) -> None:
    """Refuse a server whose chain does not contain the last block that is stored."""
    if verifier.last is None:
        return
    held = verifier.last.checkpoint
    went_back = page.height < verifier.height or not page.blocks
    if went_back:
        page = fetch(max(1, page.height))
        if not page.blocks:
            raise RollbackError(
                "rollback",
                f"the server shows no blocks where {verifier.height} are held",
                held.encode(),
            )
    shown = Checkpoint.decode(page.blocks[0].checkpoint)
    if shown.encode() == held.encode():
        return
    # Only a signed contradiction is evidence; anything else is noise.
    signers.require_signed(shown)
    problem = contradiction(held, shown)
    if problem:
        raise ForkError("fork", problem, held.encode(), shown.encode())
    if went_back and shown.facts.height < held.facts.height:
        raise RollbackError(
            "rollback",
            f"the server shows {shown.facts.height} blocks where {verifier.height} are held",
            held.encode(),
            shown.encode(),
        )
    if not same_block(held, shown):
        raise VerificationError(
            "chain_invalid", f"block {verifier.height}: the server shows another in its place"
        )


class _Seen:
    """The checkpoints that a chain must hold, by height."""

    def __init__(self, seen: Sequence[Checkpoint]) -> None:
        self._by_height: dict[int, list[Checkpoint]] = {}
        for checkpoint in seen:
            self._by_height.setdefault(checkpoint.facts.height, []).append(checkpoint)

    def require(self, verified: Checkpoint) -> None:
        """Refuse a block that is another than was seen at its height."""
        for seen in self._by_height.get(verified.facts.height, ()):
            problem = contradiction(seen, verified)
            if problem:
                raise ForkError("fork", problem, seen.encode(), verified.encode())

    def require_reached(self, verifier: ChainVerifier) -> None:
        """Refuse a chain that ends before what was seen."""
        greatest = max(self._by_height, default=0)
        if verifier.last is not None and verifier.height < greatest:
            raise RollbackError(
                "rollback",
                f"the chain shows {verifier.height} blocks where {greatest} were seen",
                self._by_height[greatest][0].encode(),
                verifier.last.checkpoint.encode(),
            )
