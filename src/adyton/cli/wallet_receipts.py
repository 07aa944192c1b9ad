"""Receipts of requests to wallets, and what is told of those that end badly or wait for others."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adyton.cli.contract_receipts import require_new
from adyton.cli.output import Output
from adyton.cli.unanswered import the_one
from adyton.core.errors import PolicyError, UnavailableError, UsageError

if TYPE_CHECKING:
    from adyton.client.records import RequestRecord
    from adyton.client.session import Session
    from adyton.client.wallet_answers import Carried, PaymentRefused
    from adyton.client.wallet_changes import Changing, Exporting
    from adyton.client.wallet_signed import Signing


def add_options(parser: Any) -> None:
    """Add the options of verbs that have something recorded."""
    parser.add_argument("--receipt", metavar="FILE", help="save a receipt that anybody can verify")
    parser.add_argument(
        "--show",
        metavar="FIELDS",
        help="fields that the receipt opens, separated by commas; default all",
    )


@dataclass(frozen=True)
class Wanted:
    """What is to be saved of a request.

    Attributes:
        path: where; None where nothing is.
        show: the fields that it opens.
    """

    path: Path | None
    show: tuple[str, ...]

    def write(self, session: Session, carried: Carried) -> None:
        """Write the receipt of a request.

        Raises:
            OSError: the place is taken or gone since; the request is carried out all the same.
        """
        from adyton.client.wallet_receipt import make_wallet_receipt

        if self.path is not None:
            receipt = make_wallet_receipt(session, carried, self.show).encode()
            with self.path.open("xb") as file:
                file.write(receipt)


def wanted(args: argparse.Namespace) -> Wanted:
    """Return what the options ask for.

    Raises:
        UsageError: the file cannot be made, or there is no such field.
    """
    from adyton.protocol.claims import WALLET_FIELDS

    if args.receipt is None:
        if args.show is not None:
            raise UsageError("usage", "--show says what a --receipt opens: add --receipt FILE")
        return Wanted(None, ())
    if args.show is None:
        show = WALLET_FIELDS
    else:
        show = tuple(name.strip() for name in args.show.split(",") if name.strip())
    for name in show:
        if name not in WALLET_FIELDS:
            raise UsageError("usage", f"no field {name!r}; there are {', '.join(WALLET_FIELDS)}")
    if "signature" in show and "digest" not in show:
        raise UsageError("usage", "a signature is shown together with its digest: add digest")
    path = Path(args.receipt)
    require_new(path)
    return Wanted(path, show)


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
