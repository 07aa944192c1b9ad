"""What a wallet answers to requests about itself, held against what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adyton.client.wallet_answers import Carried, invalid
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.hd import account_path, master
from adyton.protocol.ethereum.mnemonic import seed_of
from adyton.protocol.ethereum.signature import public_key
from adyton.protocol.wallet.answers import DONE, PENDING, Changed, Exported
from adyton.protocol.wallet.answers import Wallet as Known
from adyton.protocol.wallet.requests import (
    KEY,
    PHRASE,
    AddAccount,
    ChangePolicy,
    Import,
    New,
    wallet_id,
)

_KEY: Final = 32


@dataclass(frozen=True)
class Changing:
    """What became of a request about a wallet: done, or waiting for approvals.

    Attributes:
        carried: with its proof.
        told: the answer; its status is `done` or `pending`.
    """

    carried: Carried
    told: Changed

    @property
    def pending(self) -> bytes | None:
        """The proposal that others must approve first; None where it is done."""
        return self.told.proposal if self.told.status == PENDING else None


@dataclass(frozen=True)
class Exporting:
    """A wallet's secret, or what it waits for.

    Attributes:
        carried: with its proof.
        told: the answer; its status is `done` or `pending`.
    """

    carried: Carried
    told: Exported

    def __repr__(self) -> str:
        return f"<Exporting {self.told.status}>"

    @property
    def pending(self) -> bytes | None:
        """The proposal that others must approve first; None where it is done."""
        return self.told.proposal if self.told.status == PENDING else None


def policy_hash(text: bytes) -> bytes:
    """Return the hash of a policy, 32 bytes; zeros where there is none."""
    return digest(Context.WALLET_POLICY, text) if text else bytes(32)


def changing(carried: Carried) -> Changing:
    """Return what became of a change, whatever it is about.

    Raises:
        VerificationError: neither done nor pending.
    """
    told = carried.expect(Changed)
    if told.status not in (DONE, PENDING) or (told.status == PENDING and told.proposal is None):
        raise invalid("neither done nor pending")
    return Changing(carried, told)


def require_made(carried: Carried, asked: New | Import) -> Changing:
    """Verify that a wallet was made as it was asked for, and by whom.

    Raises:
        VerificationError: another one was.
    """
    made = changing(carried)
    known, owner = made.told.wallet, carried.fields["caller"]
    expected = (
        wallet_id(carried.accepted.exec_id, owner),
        owner,
        asked.kind,
        asked.ordering,
        policy_hash(asked.policy),
        asked.accounts,
        1,
        DONE,
    )
    if expected != (
        known.wallet,
        known.owner,
        known.kind,
        known.ordering,
        known.policy_hash,
        len(known.accounts),
        known.version,
        made.told.status,
    ):
        raise invalid("another wallet was made than asked for")
    if isinstance(asked, Import):
        require_addresses(known, addresses_of(asked.kind, asked.secret, asked.passphrase, known))
    return made


def require_account(carried: Carried, asked: AddAccount, before: Known) -> Changing:
    """Verify that a wallet has its accounts and one more.

    Raises:
        VerificationError: it has not.
    """
    made = changing(carried)
    accounts = made.told.wallet.accounts
    if (
        made.told.wallet.wallet != asked.wallet
        or len(accounts) <= len(before.accounts)
        or accounts[: len(before.accounts)] != before.accounts
    ):
        raise invalid("not this wallet with one more account")
    return made


def require_policy(carried: Carried, asked: ChangePolicy) -> Changing:
    """Verify that a wallet has the policy that was asked for, unless that waits for approvals.

    Raises:
        VerificationError: it has another.
    """
    made = changing(carried)
    known = made.told.wallet
    version, hashed = asked.version, known.policy_hash
    if made.told.status == DONE:
        version, hashed = asked.version + 1, policy_hash(asked.policy)
    if (known.wallet, known.version, known.policy_hash) != (asked.wallet, version, hashed):
        raise invalid("another policy than asked for")
    return made


def require_export(carried: Carried, known: Known) -> Exporting:
    """Verify that a secret is the wallet's: its accounts come out of it.

    Raises:
        VerificationError: it is not.
    """
    told = carried.expect(Exported)
    made = Exporting(carried, told)
    if told.status == PENDING:
        if told.secret or told.passphrase or told.proposal is None:
            raise invalid("the export is pending, and yet shown")
        return made
    if told.status != DONE or not told.secret:
        raise invalid("neither exported nor pending")
    require_addresses(known, addresses_of(told.kind, told.secret, told.passphrase, known))
    return made


def require_addresses(known: Known, addresses: Sequence[bytes]) -> None:
    """Refuse a wallet whose accounts are not these.

    Raises:
        VerificationError: they are not.
    """
    if [account.address for account in known.accounts] != list(addresses):
        raise invalid("the wallet's accounts are not those of its secret")


def addresses_of(kind: str, secret: bytes, passphrase: bytes, known: Known) -> list[bytes]:
    """Return the addresses of a wallet's accounts, out of its secret.

    Raises:
        UsageError: no secret of this kind. VerificationError: an account's path is another.
    """
    return [address_of(public_key(key)) for key in keys_of(kind, secret, passphrase, known)]


def keys_of(kind: str, secret: bytes, passphrase: bytes, known: Known) -> list[bytes]:
    """Return the private keys of a wallet's accounts, out of its secret; 32 bytes each.

    Raises:
        UsageError: no secret of this kind. VerificationError: an account's path is another.
    """
    if kind == KEY:
        # As many as accounts, one behind the other.
        return [secret[at : at + _KEY] for at in range(0, len(secret), _KEY)]
    if kind != PHRASE:
        raise invalid("a secret of an unknown kind")
    try:
        root = master(seed_of(secret.decode(), passphrase.decode()))
    except UnicodeDecodeError:
        raise invalid("a phrase that is not text") from None
    return [root.derive(account_path(at)).secret for at in range(len(known.accounts))]


def require_valid_secret(asked: Import) -> None:
    """Refuse a secret that cannot be one, before it is sent.

    Raises:
        UsageError: it cannot.
    """
    try:
        if asked.kind == KEY:
            public_key(asked.secret)
        else:
            seed_of(asked.secret.decode(), asked.passphrase.decode())
    except UnicodeDecodeError:
        raise UsageError("bad_argument", "a phrase is text in UTF-8") from None
