"""What was asked under idempotency keys, on the client's own disk.

A payment whose fees a node estimates is another document each time. Who asks again under a key must ask for the same,
or the wallet refuses; so the first estimate is kept, and used again for the same payment.

HOME/chains/<chain id>/keyed/<digest of account and key>
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from adyton.client.private_files import load, make_directory, write
from adyton.client.session import Session
from adyton.client.wallet_document import parse_object
from adyton.core.errors import MalformedError


def keep_keyed(
    session: Session, account: bytes, key: str, asked: dict[str, Any], filled: dict[str, Any]
) -> None:
    """Keep what a payment was filled up to, before it is asked for.

    Args:
        account: that pays.
        key: idempotency key.
        asked: the payment as it was named.
        filled: the same with its estimates.

    Raises:
        UsageError: `keystore`, it cannot be written.
    """
    path = _path(session, account, key)
    make_directory(path.parent)
    write(path, json.dumps({"asked": asked, "filled": filled}).encode())


def kept_keyed(
    session: Session, account: bytes, key: str, asked: dict[str, Any]
) -> dict[str, Any] | None:
    """Return what the same payment was filled up to under this key; None where it is new, or another.

    Raises:
        UsageError: `keystore`, it cannot be read, or is damaged.
    """
    kept = load(_path(session, account, key), _parsed)
    if kept is None or kept["asked"] != asked:
        return None
    filled: dict[str, Any] = kept["filled"]
    return filled


def _parsed(encoded: bytes) -> dict[str, Any]:
    kept = parse_object(encoded)
    if set(kept) != {"asked", "filled"} or any(type(part) is not dict for part in kept.values()):
        raise MalformedError("malformed", "not what is kept of a key")
    return kept


def _path(session: Session, account: bytes, key: str) -> Path:
    name = hashlib.sha256(account + key.encode()).hexdigest()
    return session.keystore.home / "chains" / session.pin.chain_id.hex() / "keyed" / name
