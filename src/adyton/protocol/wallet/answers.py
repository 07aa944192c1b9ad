"""Answers of wallets.

Whatever becomes of an admitted request, its public entry tells the size class of the answer and no more: why it failed
stands in the answer, under seal.
"""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.fields import AtMost, OneOf
from adyton.core.schema import Bytes32, Code, Message, Uint, Uint32, message
from adyton.protocol.wallet.requests import (
    EXPORT,
    IMPORTED_KINDS,
    KEY,
    MADE_KINDS,
    METHODS,
    PHRASE,
    POLICY,
    SIGN,
    SIGN_METHODS,
    Address,
    Amount,
    Path,
    Place,
    PolicyText,
    Secret,
)
from adyton.protocol.words import Ordering

SIGNED: Final = "signed"
PENDING: Final = "pending"
REFUSED: Final = "refused"
DONE: Final = "done"
STATUSES: Final = (SIGNED, PENDING, REFUSED, DONE)
ANSWER_LEAST: Final = 1024  # size class that every answer has at least

Reason = Annotated[str, AtMost(1024)]
RuleId = Annotated[str, AtMost(64)]
Status = Annotated[str, OneOf.of(*STATUSES)]


@message("wallet-answer/1", max_bytes=limits.ENTRY)
class Answer(Message):
    """What every ordered request is answered with, padded to a size class.

    Attributes:
        code: empty, or the stable code of the error.
        reason: of the error, for people.
        body: the method's own answer, encoded; empty where there is none.
    """

    code: Code
    reason: Reason
    body: Annotated[bytes, AtMost(limits.ENTRY - 4096)]


@message("wallet-account-of/1", max_bytes=256)
class Account(Message):
    """An account of a wallet.

    Attributes:
        address: of its key.
        path: derivation path (BIP-32), or empty.
    """

    address: Address
    path: Path


Accounts = Annotated[tuple[Account, ...], AtMost(limits.WALLET_ACCOUNTS)]


@message("wallet/1", max_bytes=128 * limits.KIB)
class Wallet(Message):
    """What its owner and those whom its policy names may know of a wallet.

    Attributes:
        wallet: its name.
        owner: client key that made it.
        kind: how its secret came to be.
        ordering: least ordering level under which it acts.
        accounts: in order.
        clients: keys that the policy names.
        version: of the policy, from 1.
        policy_hash: of the policy.
        height: block in which it was made.
    """

    wallet: Bytes32
    owner: Bytes32
    kind: Annotated[str, OneOf.of(*MADE_KINDS, *IMPORTED_KINDS)]
    ordering: Ordering
    accounts: Accounts
    clients: Annotated[tuple[Bytes32, ...], AtMost(limits.WALLET_CLIENTS)]
    version: Uint32
    policy_hash: Bytes32
    height: Uint

    def place_for(self, client: bytes) -> Place:
        """Return where it stands in a client's list: its own wallets first, of each the oldest."""
        return client != self.owner, self.height, self.wallet


@message("wallet-signed/1", max_bytes=limits.ENTRY - 8192)
class Signed(Message):
    """What became of a request for a signature.

    Attributes:
        status: `signed`, `pending` (others must approve) or `refused`.
        reason: for people.
        rule: id of the policy's rule that decided; empty where none did.
        version: of the policy.
        policy_hash: of the policy.
        chain_id: that it is for; None for messages, and typed data without one.
        nonce: of the transaction.
        digest: what is signed, 32 bytes; zeros where it is not signed.
        signature: r, s and v (27 or 28), 65 bytes, or empty.
        raw: transaction for the network, or empty.
        proposal: what others can approve; None where nothing is pending.
        missing: approvals that are missing.
    """

    status: Status
    reason: Reason
    rule: RuleId
    version: Uint32
    policy_hash: Bytes32
    chain_id: Uint | None
    nonce: Uint | None
    digest: Bytes32
    signature: Annotated[bytes, AtMost(65)]
    raw: Annotated[bytes, AtMost(limits.ETHEREUM_TRANSACTION)]
    proposal: Bytes32 | None
    missing: Uint32


@message("wallet-changed/1", max_bytes=256 * limits.KIB)
class Changed(Message):
    """What became of a request that is about the wallet itself.

    Attributes:
        status: `done` or `pending`.
        wallet: as it is then.
        proposal: what others can approve; None where it is done.
        missing: approvals that are missing.
        warnings: what the policy lets through that its writer may not have meant.
    """

    status: Status
    wallet: Wallet
    proposal: Bytes32 | None
    missing: Uint32
    warnings: Annotated[tuple[Reason, ...], AtMost(64)]


@message("wallet-exported/1", max_bytes=16 * limits.KIB)
class Exported(Message):
    """A wallet's secret, or what it waits for.

    Attributes:
        status: `done` or `pending`.
        kind: what `secret` is: `phrase`, or `key`.
        secret: UTF-8 of the phrase, or the private keys of all accounts in order, 32 bytes each.
        passphrase: of the phrase.
        proposal: what others can approve; None where it is done.
        missing: approvals that are missing.
    """

    status: Status
    kind: Annotated[str, OneOf.of(KEY, PHRASE)]
    secret: Secret
    passphrase: Secret
    proposal: Bytes32 | None
    missing: Uint32


@message("wallet-list/1", max_bytes=limits.ENTRY)
class Wallets(Message):
    """Wallets that a client owns, then those whose policy names it: as many as one answer holds.

    Attributes:
        wallets: by `Wallet.place_for`.
        more: whether others stand behind them.
    """

    MAX_ITEMS = 2**15

    wallets: Annotated[tuple[Wallet, ...], AtMost(limits.INDEX_PAGE)]
    more: bool


@message("wallet-next/1", max_bytes=128)
class NextNonce(Message):
    """The nonce that an account's next transaction on a chain gets."""

    account: Address
    chain_id: Uint
    nonce: Uint


@message("wallet-shown/1", max_bytes=limits.ENTRY)
class Shown(Message):
    """A wallet and its policy.

    Attributes:
        wallet: who it is.
        policy: text.
        meters: what the windows hold by now, digest of the meter beside the amount used.
        nonces: next ones, of accounts and chains that were used.
    """

    MAX_ITEMS = 2**15

    wallet: Wallet
    policy: PolicyText
    meters: Annotated[tuple[tuple[Bytes32, Amount], ...], AtMost(limits.WALLET_METERS)]
    nonces: Annotated[tuple[NextNonce, ...], AtMost(limits.WALLET_NONCES)]


@message("wallet-proposal/1", max_bytes=limits.ENTRY)
class Proposal(Message):
    """What waits for approvals.

    Attributes:
        proposal: its name.
        wallet: of which.
        method: `sign`, `policy` or `export`.
        requester: client key.
        content: encoded arguments of that method, for the approver to read.
        digest: of what is approved; `proposal_digest`.
        needed: approvals in all.
        approvers: who may give them.
        approved: who has.
        expires_ms: by block time.
    """

    proposal: Bytes32
    wallet: Bytes32
    method: Annotated[str, OneOf.of(SIGN, POLICY, EXPORT)]
    requester: Bytes32
    content: Annotated[bytes, AtMost(limits.ARGUMENTS_BYTES)]
    digest: Bytes32
    needed: Uint32
    approvers: Annotated[tuple[Bytes32, ...], AtMost(limits.WALLET_CLIENTS)]
    approved: Annotated[tuple[Bytes32, ...], AtMost(limits.WALLET_CLIENTS)]
    expires_ms: Uint


@message("wallet-proposals/1", max_bytes=limits.ENTRY)
class Proposals(Message):
    """Open proposals of a wallet, as many as one answer holds."""

    MAX_ITEMS = 2**15

    proposals: Annotated[tuple[Proposal, ...], AtMost(limits.INDEX_PAGE)]
    more: bool


@message("wallet-audit-entry/1", max_bytes=4096)
class AuditEntry(Message):
    """One decision of a wallet.

    Attributes:
        place: from 0, without gaps.
        height, time_ms: of the block.
        task_hash: of the request, as the ledger shows it.
        client: who asked.
        method: what was asked: of `METHODS`, or of `SIGN_METHODS`.
        status: what became of it.
        reason: for people.
        rule: that decided.
        version, policy_hash: of the policy.
        account: 20 bytes, or empty.
        chain_id, nonce: of a transaction.
        to: receiver, 20 bytes, or empty.
        value: wei.
        max_cost: value and all of the gas, wei.
        digest: what was, or would have been, signed; zeros where that is nothing.
        proposal: that it is about.
    """

    place: Uint
    height: Uint
    time_ms: Uint
    task_hash: Bytes32
    client: Bytes32
    method: Annotated[str, OneOf.of(*METHODS, *SIGN_METHODS)]
    status: Status
    reason: Reason
    rule: RuleId
    version: Uint32
    policy_hash: Bytes32
    account: Annotated[bytes, AtMost(20)]
    chain_id: Uint | None
    nonce: Uint | None
    to: Annotated[bytes, AtMost(20)]
    value: Amount
    max_cost: Amount
    digest: Bytes32
    proposal: Bytes32 | None


@message("wallet-audit-page/1", max_bytes=limits.ENTRY)
class AuditPage(Message):
    """Audit entries in order; `total` of them in all."""

    MAX_ITEMS = 2**15

    total: Uint
    entries: Annotated[tuple[AuditEntry, ...], AtMost(limits.INDEX_PAGE)]
