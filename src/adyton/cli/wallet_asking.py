"""Asking a wallet for a signature: what it would do is said first, what waits is waited for, what comes is kept."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.output import Output
from adyton.cli.wallet_intent import confirm, preview_of
from adyton.cli.wallet_parts import record_json
from adyton.cli.wallet_receipts import Wanted, require_done, told
from adyton.core.errors import UnavailableError

if TYPE_CHECKING:
    from adyton.client.session import Session
    from adyton.client.wallet import Wallet
    from adyton.client.wallet_signed import Signing
    from adyton.protocol.wallet.answers import Proposal
    from adyton.protocol.wallet.requests import Sign

_QUESTIONS: Final = {
    "allow": "sign it",
    "approve": "ask for the approvals",
    "deny": "it would be refused; ask all the same",
}


def ask(
    args: argparse.Namespace,
    out: Output,
    session: Session,
    wallet: Wallet,
    asked: Sign,
    receipt: Wanted,
) -> Signing:
    """Return a signature; a transaction is kept on disk before it is returned.

    Raises:
        PaymentRefused: the policy does not allow it. PolicyError: `approval_pending`. UsageError: it is not confirmed.
        Error: as `Wallet.sign`.
    """
    from adyton.client.wallet_sent import keep_signed

    with out.waiting("asking"):
        shown = wallet.show()
    own = session.keystore.identity.signing_key.public
    seen = preview_of(shown, asked, own)
    confirm(args, out, seen.lines(), _QUESTIONS[seen.effect])
    with out.waiting("having it signed"), told(args, out, session, receipt):
        signing = wallet.sign(asked)
    if signing.pending is not None and args.wait:
        signing = _waited(args, out, session, wallet, signing.pending, receipt)
    receipt.write(session, signing.carried)
    require_done(args, signing)
    if signing.transaction is not None:
        keep_signed(session, signing.transaction)
    return signing


def _waited(
    args: argparse.Namespace,
    out: Output,
    session: Session,
    wallet: Wallet,
    proposal: bytes,
    receipt: Wanted,
) -> Signing:
    from adyton.client.wallet_signed import Signing

    def looked(seen: Proposal) -> None:
        out.progress(f"waiting for approvals: {len(seen.approved)} of {seen.needed}")

    out.note(f"adyton: it waits for approvals as proposal {proposal.hex()}")
    with told(args, out, session, receipt):
        made = wallet.wait_claim(proposal, timeout_s=args.wait, waiting=looked)
    if not isinstance(made, Signing):
        raise UnavailableError("timeout", "another answer than a signature; claim it by hand")
    return made


def say_signing(out: Output, signing: Signing) -> None:
    """Print a signature: the raw transaction, or r, s and v of a message."""
    shown = signing.raw or signing.signature
    out.text("0x" + shown.hex())
    out.json(signing_json(signing))


def signing_json(signing: Signing) -> dict[str, Any]:
    """Return a signature for programs."""
    from adyton.protocol.ethereum.address import checksummed
    from adyton.protocol.ethereum.transaction_json import write_transaction

    answer, made = signing.told, signing.transaction
    said: dict[str, Any] = {
        "status": answer.status,
        "address": checksummed(signing.asked.account),
        "rule": answer.rule,
        "reason": answer.reason,
        "version": answer.version,
        "policy_hash": answer.policy_hash.hex(),
        "digest": "0x" + answer.digest.hex(),
        "signature": "0x" + answer.signature.hex(),
    } | record_json(signing.carried)
    if made is not None:
        said |= {
            "chain": made.transaction.chain_id,
            "nonce": made.transaction.nonce,
            "hash": "0x" + made.hash.hex(),
            "raw": "0x" + made.raw.hex(),
            "transaction": write_transaction(made.transaction),
        }
    return said
