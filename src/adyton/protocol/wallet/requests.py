"""Requests to wallets: all of it sealed, none of it public."""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.fields import AtMost, Exactly, OneOf
from adyton.core.schema import Bytes32, Message, Uint, Uint32, message
from adyton.protocol.words import Ordering

APP: Final = "wallet"
NEW: Final = "new"
IMPORT: Final = "import"
ACCOUNT: Final = "account"
SIGN: Final = "sign"
POLICY: Final = "policy"
EXPORT: Final = "export"
NONCE: Final = "nonce"
APPROVE: Final = "approve"
REJECT: Final = "reject"
CLAIM: Final = "claim"
METHODS: Final = (NEW, IMPORT, ACCOUNT, SIGN, POLICY, EXPORT, NONCE, APPROVE, REJECT, CLAIM)
# Reads: answered without order, recorded nowhere.
LIST: Final = "list"
FIND: Final = "find"
SHOW: Final = "show"
AUDIT: Final = "audit"
PROPOSALS: Final = "proposals"
PROPOSAL: Final = "proposal"

RANDOM: Final = "random"
HD: Final = "hd"
KEY: Final = "key"
PHRASE: Final = "phrase"
MADE_KINDS: Final = (RANDOM, HD)
IMPORTED_KINDS: Final = (KEY, PHRASE)

JSON_RPC: Final = "json-rpc"
ARTICLE: Final = "article"
PROFILES: Final = (JSON_RPC, ARTICLE)

SIGN_METHODS: Final = ("transaction", "cancel", "message", "typedData")

Address = Annotated[bytes, Exactly(20)]
Amount = Annotated[bytes, AtMost(32)]  # big-endian, without leading zeros
PolicyText = Annotated[bytes, AtMost(limits.WALLET_POLICY)]
Document = Annotated[bytes, AtMost(limits.WALLET_DOCUMENT)]
Path = Annotated[str, AtMost(128)]
Profile = Annotated[str, OneOf.of(*PROFILES)]
SignMethod = Annotated[str, OneOf.of(*SIGN_METHODS)]
IdempotencyKey = Annotated[str, AtMost(64)]
Secret = Annotated[bytes, AtMost(2 * limits.MNEMONIC)]

Place = tuple[bool, int, bytes]
"""Of a wallet in a client's list: not its own, the block that made it, its name. No two places change theirs."""


def amount(number: int) -> bytes:
    """Return an integer below 2^256 as messages carry it."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


@message("wallet-new/1", max_bytes=limits.ARGUMENTS_BYTES)
class New(Message):
    """Make a wallet; its secret is made in the enclave and stays there.

    Attributes:
        kind: `random`, or `hd`: out of a phrase of 24 words that an export can show.
        accounts: how many at first, 1 to 64.
        entropy: the client's own; the secret depends on it too.
        policy: text of the policy; empty refuses everything.
        ordering: least ordering level under which the wallet acts.
    """

    kind: Annotated[str, OneOf.of(*MADE_KINDS)]
    accounts: Uint32
    entropy: Bytes32
    policy: PolicyText
    ordering: Ordering


@message("wallet-import/1", max_bytes=limits.ARGUMENTS_BYTES)
class Import(Message):
    """Make a wallet of a secret that exists elsewhere.

    Attributes:
        kind: `key`, 32 bytes, or `phrase`, words of BIP-39 in UTF-8.
        secret: the key or phrase.
        passphrase: of the phrase, UTF-8.
        accounts: how many at first; one for a key.
        policy, ordering: as in `New`.
    """

    kind: Annotated[str, OneOf.of(*IMPORTED_KINDS)]
    secret: Secret
    passphrase: Secret
    accounts: Uint32
    policy: PolicyText
    ordering: Ordering


@message("wallet-account/1", max_bytes=256)
class AddAccount(Message):
    """Add the next account to a wallet."""

    wallet: Bytes32


@message("wallet-sign/1", max_bytes=limits.ARGUMENTS_BYTES)
class Sign(Message):
    """Ask for a signature.

    Attributes:
        account: whose key signs.
        method: what is signed.
        profile: how `document` is written: JSON-RPC's words, or bare hex.
        document: JSON, UTF-8; the enclave reads it itself, so nothing can stand between what was meant and what is
            signed.
        replace: whether a transaction may take the place of another one with its nonce.
        key: idempotency key; under one, a client gets one signature, however many requests it makes. Empty for none.
    """

    account: Address
    method: SignMethod
    profile: Profile
    document: Document
    replace: bool
    key: IdempotencyKey


@message("wallet-policy/1", max_bytes=limits.ARGUMENTS_BYTES)
class ChangePolicy(Message):
    """Put another policy in the place of version `version`."""

    wallet: Bytes32
    policy: PolicyText
    version: Uint32


@message("wallet-export/1", max_bytes=256)
class Export(Message):
    """Ask for a wallet's secret, where its policy lets it out."""

    wallet: Bytes32


@message("wallet-nonce/1", max_bytes=256)
class RaiseNonce(Message):
    """Let an account go on from a nonce: for one that has signed elsewhere before."""

    account: Address
    chain_id: Uint
    nonce: Uint


@message("wallet-approve/1", max_bytes=256)
class Approve(Message):
    """Approve a proposal, whose content has this digest."""

    proposal: Bytes32
    digest: Bytes32


@message("wallet-proposal-id/1", max_bytes=256)
class OfProposal(Message):
    """Reject a proposal, claim what it was made for, or look at it."""

    proposal: Bytes32


@message("wallet-after/1", max_bytes=256)
class AskWallets(Message):
    """Ask for the wallets behind a place in this client's list, whether or not a wallet has that place.

    Attributes:
        named: False: behind one of the client's own wallets; True: behind one whose policy names it.
        height: block that made the wallet.
        wallet: its name. With zeros in all three fields the list begins.
    """

    named: bool
    height: Uint
    wallet: Bytes32


@message("wallet-find/1", max_bytes=256)
class Find(Message):
    """Ask for the wallet of an account."""

    account: Address


@message("wallet-id/1", max_bytes=256)
class OfWallet(Message):
    """Show a wallet, or its open proposals."""

    wallet: Bytes32


@message("wallet-audit/1", max_bytes=256)
class AskAudit(Message):
    """Ask for the audit entries of a wallet from place `start` on."""

    wallet: Bytes32
    start: Uint


def wallet_id(exec_id: bytes, owner: bytes) -> bytes:
    """Return the name of the wallet that an execution makes, 32 bytes."""
    return digest(Context.WALLET, exec_id, owner)


def proposal_id(exec_id: bytes) -> bytes:
    """Return the name of the proposal that an execution makes, 32 bytes."""
    return digest(Context.WALLET_PROPOSAL, exec_id)


def proposal_digest(
    wallet: bytes, method: str, requester: bytes, policy_hash: bytes, content: bytes
) -> bytes:
    """Return what an approval names: everything that is approved, 32 bytes."""
    return digest(Context.WALLET_CONTENT, wallet, method.encode(), requester, policy_hash, content)
