"""Receipts of deployments, calls and upgrades: settled before anything is sent, saved once it is carried out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adyton.cli.contract_shown import failure_json
from adyton.cli.output import Output, printable
from adyton.cli.receipt_options import WantedReceipt, wanted_receipt
from adyton.cli.unanswered import the_one
from adyton.core.errors import UnavailableError

if TYPE_CHECKING:
    from adyton.client.contract_calls import Called
    from adyton.client.records import RequestRecord
    from adyton.client.session import Session


@dataclass(frozen=True)
class Wanted(WantedReceipt):
    """What is to be saved of a call."""

    def made(self, session: Session, called: Called) -> bytes | None:
        """Return the receipt to write."""
        from adyton.client.contract_receipt import make_receipt

        return None if self.path is None else make_receipt(session, called, self.show).encode()


@contextmanager
def told(
    args: argparse.Namespace, out: Output, session: Session, receipt: Wanted | None
) -> Iterator[None]:
    """Tell of a call that ends badly all that is known: its log, its cost for programs, its receipt."""
    from adyton.client.contract_calls import AnswerUnreadable, ContractFailed

    try:
        yield
    except (AnswerUnreadable, ContractFailed) as problem:
        out.note(*[f"log: {printable(line)}" for line in problem.result.logs])
        if isinstance(problem, AnswerUnreadable):
            out.note(f"contract {problem.result.address.hex()}")
        args.explained = failure_json(problem)
        if receipt is not None and problem.called is not None:
            try:
                receipt.save(receipt.made(session, problem.called))
            except OSError as lost:
                out.note(f"adyton: {receipt.path}: the receipt is lost: {lost.strerror}")
        raise
    except (UnavailableError, KeyboardInterrupt):
        if _pending(session):
            out.note(
                "adyton: it is not known whether it took effect; `adyton contract resume` asks again "
                "for the same, the same command once more would be another one"
            )
        raise


def without_answer(session: Session, named: str | None) -> RequestRecord:
    """Return the request that is to be asked for again.

    Raises:
        UsageError: there is none, or more than one.
    """
    return the_one(_pending(session), named, "contracts")


def _pending(session: Session) -> list[RequestRecord]:
    from adyton.client.contracts import pending

    return pending(session)


def wanted(args: argparse.Namespace) -> Wanted:
    """Return what the options ask for.

    Raises:
        UsageError: the file cannot be made, or there is no such field.
    """
    from adyton.protocol.claims import CONTRACT_FIELDS

    return wanted_receipt(args, CONTRACT_FIELDS, Wanted)
