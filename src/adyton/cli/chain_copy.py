"""Brings the client's own copy of a chain up to date, and verifies all of it on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adyton.cli.connect import certificate_policy
from adyton.cli.output import Output
from adyton.cli.settings import Settings
from adyton.core import limits

if TYPE_CHECKING:
    from adyton.client.chain import ChainVerifier, VerifiedBlock
    from adyton.client.session import Session


@dataclass(frozen=True)
class Copied:
    """What is there now.

    Attributes:
        verifier: has verified every block from genesis on.
        added: blocks that were new.
        receipts: own receipts that were found in it.
    """

    verifier: ChainVerifier
    added: int
    receipts: int


def bring_up_to_date(
    session: Session,
    settings: Settings,
    out: Output,
    keep: Callable[[VerifiedBlock], None] | None = None,
) -> Copied:
    """Fetch what is new; each verified block, old ones too, is given to `keep`.

    Raises:
        VerificationError: a block does not verify, or the copy and what was seen are not of one history.
    """
    from adyton.client.chain_store import BlockFile
    from adyton.client.chain_sync import sync
    from adyton.client.own_receipts import OwnReceipts

    pin, home, keeper = session.pin, session.keystore.home, session.keeper
    own = OwnReceipts(session.store.requests())

    def kept(block: VerifiedBlock) -> None:
        own.keep(block)
        if keep is not None:
            keep(block)

    # The copy and the view must be of one history: the copy holds what was seen, and what it
    # shows beyond that is seen too.
    newest = keeper.update()
    signers = keeper.signers()
    verifier, added = sync(
        lambda chain_id: BlockFile(home, chain_id),
        lambda start: session.api.get_blocks(start, limits.PAGE_BLOCKS),
        policy=certificate_policy(frozenset({pin.fingerprint}), settings),
        now_ms=session.now_ms(),
        seen=[newest],
        signers=signers,
        keep=kept,
        progress=lambda at, of: out.progress(f"verified {at} of {of} blocks"),
    )
    receipts, _ = own.require_in(verifier, signers)
    if verifier.last is not None:
        keeper.accept_checkpoint(verifier.last.checkpoint.encode(), least=0)
    return Copied(verifier, added, receipts)
