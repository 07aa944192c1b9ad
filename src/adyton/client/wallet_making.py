"""Making wallets."""

from __future__ import annotations

import secrets

from adyton.client.session import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import ask_wallet
from adyton.client.wallet_changes import Changing, require_made, require_valid_secret
from adyton.protocol.wallet import requests as protocol
from adyton.protocol.wallet.requests import RANDOM


def new_wallet(
    session: Session,
    *,
    kind: str = RANDOM,
    accounts: int = 1,
    policy: bytes = b"",
    ordering: str = "single-host",
) -> tuple[Wallet, Changing]:
    """Make a wallet; return it, and the proof that it was made.

    Args:
        session: who will own it.
        kind: `random`, or `hd`: out of a phrase that an export can show.
        accounts: how many at first, 1 to 64.
        policy: its text; empty refuses everything.
        ordering: least ordering level under which it acts.

    Raises:
        UsageError: `policy_invalid`. VerificationError: another wallet was made. Error: as `Session.request`.
    """
    asked = protocol.New(kind, accounts, secrets.token_bytes(32), policy, ordering)
    made = require_made(ask_wallet(session, protocol.NEW, asked, ordering), asked)
    return Wallet(session, made.told.wallet), made


def import_wallet(
    session: Session,
    secret: bytes,
    *,
    kind: str,
    passphrase: bytes = b"",
    accounts: int = 1,
    policy: bytes = b"",
    ordering: str = "single-host",
) -> tuple[Wallet, Changing]:
    """Make a wallet of a secret that exists elsewhere.

    Args:
        secret: a private key, 32 bytes, or a phrase in UTF-8.
        kind: `key`, or `phrase`.
        passphrase: of the phrase, in UTF-8.
        accounts: how many; one of a key. Else as `new_wallet`.

    Raises:
        UsageError: no secret of this kind. Else as `new_wallet`.
    """
    asked = protocol.Import(kind, secret, passphrase, accounts, policy, ordering)
    require_valid_secret(asked)
    try:
        made = require_made(ask_wallet(session, protocol.IMPORT, asked, ordering), asked)
    finally:
        # Until it was answered, the request was on this disk, to be asked again.
        session.store.scrub()
    return Wallet(session, made.told.wallet), made
