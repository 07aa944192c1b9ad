"""Proposals that are being claimed, on the client's own disk: an answer that was lost is held against them.

HOME/chains/<chain id>/claims/<proposal>
"""

from __future__ import annotations

from pathlib import Path

from adyton.client.private_files import load, make_directory, write
from adyton.client.session import Session
from adyton.protocol.wallet.answers import Proposal


def keep_claim(session: Session, proposal: Proposal) -> None:
    """Keep what is about to be claimed.

    Raises:
        UsageError: `keystore`, it cannot be written.
    """
    path = _path(session, proposal.proposal)
    make_directory(path.parent)
    write(path, proposal.encode())


def kept_claim(session: Session, proposal: bytes) -> Proposal | None:
    """Return what was about to be claimed.

    Raises:
        UsageError: `keystore`, it cannot be read.
    """
    return load(_path(session, proposal), Proposal.decode)


def drop_claim(session: Session, proposal: bytes) -> None:
    """Forget what is claimed."""
    _path(session, proposal).unlink(missing_ok=True)


def _path(session: Session, proposal: bytes) -> Path:
    chain = session.keystore.home / "chains" / session.pin.chain_id.hex()
    return chain / "claims" / proposal.hex()
