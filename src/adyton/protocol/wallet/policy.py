"""What a policy and its decisions are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from adyton.protocol.wallet.abi_types import Signature
from adyton.protocol.wallet.facts import Facts
from adyton.protocol.wallet.rule import Approvals, Limit, Meter, Rule

__all__ = ["ALLOW", "APPROVE", "DENY", "Approvals", "Charge", "Decision", "Meter", "Policy"]

ALLOW: Final = "allow"
APPROVE: Final = "approve"
DENY: Final = "deny"


@dataclass(frozen=True, slots=True)
class Charge:
    """What an intent adds to a meter; 0 where what is reserved for the replaced nonce covers it."""

    meter: Meter
    amount: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy says of an intent.

    Attributes:
        effect: `ALLOW`, `APPROVE` or `DENY`.
        rule: id of the rule that decided; empty where none did.
        reason: for people; holds nothing of a key.
        charges: what is to be added to meters, at most one for each meter.
        approvals: what is needed besides, with `APPROVE`.
    """

    effect: str
    rule: str
    reason: str
    charges: tuple[Charge, ...] = ()
    approvals: Approvals | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that has been read.

    Attributes:
        text: as it was written.
        hash: digest of the text, 32 bytes.
        name: empty where it has none.
        clients: names and keys (32 bytes).
        sets: names and addresses (20 bytes) or client keys (32 bytes).
        rules: in their order.
        limits: of the wallet as a whole.
        changes: who has to agree to another policy; None: the owner alone changes it.
        export: who has to agree to give the seed out; "owner"; None: nobody ever.
        time: the source of time that the policy is content with; None where it does not say.
        needs_time: whether something in it depends on time.
        warnings: what it allows although it should perhaps not.
        known: keys of all clients that it names.
        denying, allowing: rules by method, in their order.
        signatures: of the functions that its rules name.
        checks: what asks the conditions of all rules, by the condition's number.
        looks: at how many values of calldata or typed data each condition looks.
    """

    text: bytes
    hash: bytes
    name: str
    clients: dict[str, bytes]
    sets: dict[str, frozenset[bytes]]
    rules: tuple[Rule, ...]
    limits: tuple[Limit, ...]
    changes: Approvals | None
    export: Approvals | Literal["owner"] | None
    time: Literal["host", "bft"] | None
    needs_time: bool
    warnings: tuple[str, ...]
    known: frozenset[bytes]
    denying: dict[str, tuple[Rule, ...]]
    allowing: dict[str, tuple[Rule, ...]]
    signatures: tuple[Signature, ...]
    checks: tuple[Callable[[Facts], bool], ...]
    looks: int

    def __repr__(self) -> str:
        return f"<policy {self.hash.hex()[:16]}>"

    def knows(self, client: bytes) -> bool:
        """Say whether the policy names a client anywhere, so that it may read the wallet's policy and records."""
        return client in self.known
