"""Transactions that this client had signed, on its own disk: to send them again, and to replace them.

HOME/chains/<chain id>/signed/<Ethereum's chain id>-<account>-<nonce>
"""

from __future__ import annotations

from pathlib import Path

from adyton.client.private_files import load, make_directory, write
from adyton.client.session import Session
from adyton.protocol.ethereum.transaction import SignedTransaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed


def keep_signed(session: Session, signed: SignedTransaction) -> None:
    """Keep a signed transaction, in the place of an earlier one of its nonce.

    Raises:
        UsageError: `keystore`, it cannot be written.
    """
    transaction = signed.transaction
    path = _path(session, signed.sender, transaction.chain_id, transaction.nonce)
    make_directory(path.parent)
    write(path, signed.raw)


def kept_signed(
    session: Session, account: bytes, chain_id: int, nonce: int
) -> SignedTransaction | None:
    """Return the transaction that was signed last under a nonce; None where this directory knows of none.

    Raises:
        UsageError: `keystore`, it cannot be read, or is damaged.
    """
    return load(_path(session, account, chain_id, nonce), decode_signed)


def _path(session: Session, account: bytes, chain_id: int, nonce: int) -> Path:
    kept = session.keystore.home / "chains" / session.pin.chain_id.hex() / "signed"
    return kept / f"{chain_id}-{account.hex()}-{nonce}"
