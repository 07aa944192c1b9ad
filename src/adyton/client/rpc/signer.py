"""The port through which the facade has things signed: wallets in the enclave, or keys of a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from adyton.core.errors import PolicyError, UnavailableError
from adyton.protocol.ethereum.transaction import Transaction


class Refused(PolicyError):
    """The wallet's policy does not allow it.

    Args:
        reason: what the policy says, for people.
        rule: id of the rule that decided; empty where none did.
    """

    def __init__(self, reason: str, rule: str = "") -> None:
        super().__init__("payment_refused", reason)
        self.rule = rule

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str]]:
        return type(self), (self.message, self.rule)


class AwaitingApproval(PolicyError):
    """Others must approve it before it is signed.

    Args:
        proposal: what they approve, 32 bytes.
        missing: how many approvals are missing.
        rule: id of the rule that asks for them.
    """

    def __init__(self, proposal: bytes, missing: int, rule: str = "") -> None:
        super().__init__(
            "approval_pending",
            f"{missing} approval{'s'[: missing != 1]} missing; it is proposal {proposal.hex()}",
        )
        self.proposal = proposal
        self.missing = missing
        self.rule = rule

    def __reduce__(self) -> tuple[type[AwaitingApproval], tuple[bytes, int, str]]:  # type: ignore[override]  # other arguments than the base
        return type(self), (self.proposal, self.missing, self.rule)


class Unanswered(UnavailableError):
    """It was asked for, and there is no answer: it may be signed, or not."""

    def __init__(self) -> None:
        super().__init__(
            "timeout",
            "the wallet's server does not answer, so it is not known whether this is signed; it is asked again, and "
            "broadcast if it is: do not pay a second time",
        )

    def __reduce__(self) -> tuple[type[Unanswered], tuple[()]]:  # type: ignore[override]  # other arguments than the base
        return type(self), ()


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """A transaction as the signer returns it.

    Attributes:
        raw: for the network.
        hash: of `raw`, 32 bytes.
        nonce: that the signer chose, or the one it was given.
        transaction: what was signed.
    """

    raw: bytes
    hash: bytes
    nonce: int
    transaction: Transaction


class Signer(Protocol):
    """Accounts that sign by policy; usable from several threads.

    Every method raises `Error`: `Refused`, `AwaitingApproval`, `UsageError` (`nonce_used`, `wallet_unknown`, a document
    that cannot be), `UnavailableError`.
    """

    def accounts(self) -> list[bytes]:
        """Return the addresses that can sign, 20 bytes each."""

    def next_nonce(self, address: bytes, chain_id: int) -> int:
        """Return the nonce that the account's next transaction on a chain gets."""

    def raise_nonce(self, address: bytes, chain_id: int, nonce: int) -> None:
        """Let an account that has signed elsewhere go on from `nonce`; never lowers it."""

    def sign_transaction(
        self, address: bytes, document: dict[str, Any], *, replace: bool = False, send: bool = False
    ) -> SignedAnswer:
        """Sign a transaction.

        Args:
            address: whose.
            document: in JSON-RPC's words; without `nonce` the signer chooses.
            replace: whether it may take the place of another one with its nonce.
            send: whether it is to be broadcast, so that `recover` finds it.

        Raises:
            Unanswered: it may be signed.
        """

    def recover(self, chain_id: int) -> list[bytes]:
        """Return transactions for a chain that were asked for with `send`, and whose answer was lost.

        What is returned once is not returned again.
        """

    def sign_message(self, address: bytes, message: bytes) -> bytes:
        """Return r, s, v (65 bytes) over a personal message (EIP-191)."""

    def sign_typed_data(self, address: bytes, typed: dict[str, Any]) -> bytes:
        """Return r, s, v (65 bytes) over typed data (EIP-712), given as `types`, `primaryType`, `domain`, `message`."""
