"""Receipts of requests to wallets, and what is told of those that end badly or wait for others."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adyton.cli.output import Output
from adyton.cli.receipt_options import WantedReceipt, wanted_receipt
from adyton.cli.unanswered import the_one
from adyton.core.errors import PolicyError, UnavailableError, UsageError

if TYPE_CHECKING:
    from adyton.client.records import RequestRecord
    from adyton.client.session import Session
    from adyton.client.wallet_answers import Carried, PaymentRefused
    from adyton.client.wallet_changes import Changing, Exporting
    from adyton.client.wallet_signed import Signing


@dataclass(frozen=True)
class Wanted(WantedReceipt):
    """What is to be saved of a request."""

    def write(self, session: Session, carried: Carried) -> None:
        """Write the receipt of a request.

        Raises:
            OSError: the place is taken or gone since; the request is carried out all the same.
        """
        from adyton.client.wallet_receipt import make_wallet_receipt

        if self.path is not None:
            self.save(make_wallet_receipt(session, carried, self.show).encode())


def wanted(args: argparse.Namespace) -> Wanted:
    """Return what the options ask for.

    Raises:
        UsageError: the file cannot be made, or there is no such field.
    """
    from adyton.protocol.claims import WALLET_FIELDS

    made = wanted_receipt(args, WALLET_FIELDS, Wanted)
    if "signature" in made.show and "digest" not in made.show:
        raise UsageError("usage", "a signature is shown together with its digest: add digest")
    return made


@contextmanager
def told(
    args: argparse.Namespace, out: Output, session: Session, receipt: Wanted
) -> Iterator[None]:
    """Tell of a request that ends badly all that is known: the rule, its receipt, how to ask again."""
    from adyton.client.wallet_answers import PaymentRefused

    try:
        yield
    except PaymentRefused as problem:
        args.explained = refusal_json(problem)
        if problem.signed is not None and problem.signed.rule:
            out.note(f"adyton: rule {problem.signed.rule} refuses it")
        try:
            receipt.write(session, problem.carried)
        except OSError as lost:
            out.note(f"adyton: {receipt.path}: the receipt is lost: {lost.strerror}")
        raise
    except (UnavailableError, KeyboardInterrupt):
        if _pending(session):
            out.note(
                "adyton: it is not known whether it took effect; `adyton wallet resume` asks again "
                "for the same, the same command once more would be another one"
            )
        raise


def refusal_json(problem: PaymentRefused) -> dict[str, Any]:
    """Return what is known of a refusal, for programs."""
    from adyton.cli.wallet_parts import record_json

    said: dict[str, Any] = {"status": "refused", "reason": problem.message}
    if problem.signed is not None:
        said |= {
            "rule": problem.signed.rule,
            "version": problem.signed.version,
            "policy_hash": problem.signed.policy_hash.hex(),
        }
    return said | record_json(problem.carried)


def require_done(args: argparse.Namespace, made: Signing | Changing | Exporting) -> None:
    """Refuse to go on with what waits for others.

    Raises:
        PolicyError: `approval_pending`; the text names the proposal.
    """
    from adyton.cli.wallet_parts import record_json

    proposal = made.pending
    if proposal is None:
        return
    missing = made.told.missing
    args.explained = {
        "status": "pending",
        "proposal": proposal.hex(),
        "missing": missing,
    } | record_json(made.carried)
    raise PolicyError(
        "approval_pending",
        f"{missing} approval{'s'[: missing != 1]} missing; it waits as proposal {proposal.hex()}",
    )


def without_answer(session: Session, named: str | None) -> RequestRecord:
    """Return the request that is to be asked for again.

    Raises:
        UsageError: there is none, or more than one.
    """
    return the_one(_pending(session), named, "wallets")


def _pending(session: Session) -> list[RequestRecord]:
    from adyton.client.wallet_resume import pending

    return pending(session)
