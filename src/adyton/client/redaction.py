"""Copies of certificates and receipts that open less."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from adyton.client.contract_receipt import ContractReceipt
from adyton.client.identity_receipt import IdentityReceipt
from adyton.client.opened_claims import close_openings
from adyton.client.wallet_receipt import WalletReceipt
from adyton.core.errors import UsageError
from adyton.protocol.certificate import RunCertificate
from adyton.protocol.claims import CONTRACT_FIELDS, IDENTITY_FIELDS, TASK_FIELDS, WALLET_FIELDS
from adyton.protocol.identity.answers import YES

# Of a verdict, what its entry says in public: no copy of a receipt can hide it.
PUBLIC: Final = ("epoch",)
_RUN_TELLS: Final = {"run_info": frozenset(("exit_code", "limits"))}
# A signature is over the digest, and recovers to its account. The digest has no salt: a guess can be tried on it.
_WALLET_TELLS: Final = {
    "signature": frozenset(("digest", "account")),
    "digest": frozenset(("document", "chain", "nonce")),
    "document": frozenset(("digest", "chain", "nonce")),
}
_VERDICT: Final = frozenset(("answer", "reason"))


def redact(certificate: RunCertificate, close: Collection[str]) -> RunCertificate:
    """Return a copy in which these fields are closed; both are of the same run, and say so.

    Args:
        certificate: verified.
        close: names of fields that it opens.

    Raises:
        UsageError: as `close_openings`.
    """
    openings = close_openings(TASK_FIELDS, certificate.openings, close, _RUN_TELLS)
    return replace(certificate, openings=openings)


def redact_call(receipt: ContractReceipt, close: Collection[str]) -> ContractReceipt:
    """Return a copy in which these fields are closed; both are of the same call, and say so.

    Args:
        receipt: verified.
        close: names of fields that it opens.

    Raises:
        UsageError: as `close_openings`.
    """
    openings = close_openings(CONTRACT_FIELDS, receipt.openings, close, {})
    return replace(receipt, openings=openings)


def redact_wallet(receipt: WalletReceipt, close: Collection[str]) -> WalletReceipt:
    """Return a copy in which these fields are closed; both are of the same request, and say so.

    Args:
        receipt: verified.
        close: names of fields that it opens.

    Raises:
        UsageError: as `close_openings`.
    """
    signed = {opening.field for opening in receipt.openings if any(opening.value)}
    # Of what was not signed, signature and digest are zero or nothing, and tell nothing.
    tells = {name: told for name, told in _WALLET_TELLS.items() if name in signed}
    openings = close_openings(WALLET_FIELDS, receipt.openings, close, tells)
    return replace(receipt, openings=openings)


def redact_identity(receipt: IdentityReceipt, close: Collection[str]) -> IdentityReceipt:
    """Return a copy in which these fields are closed; both are of the same verdict, and say so.

    Args:
        receipt: verified.
        close: names of fields that it opens.

    Raises:
        UsageError: as `close_openings`, or a field that the entry says in public.
    """
    for name in close:
        if name in PUBLIC:
            raise UsageError("usage", f"{name} cannot be closed: the entry itself says it")
    openings = close_openings(IDENTITY_FIELDS, receipt.openings, close, _verdict_tells(receipt))
    return replace(receipt, openings=openings, policy=b"" if "policy" in close else receipt.policy)


def told_besides(receipt: IdentityReceipt) -> list[tuple[str, tuple[str, ...]]]:
    """Return which of the open fields tell what others say that are not open, and which others.

    To close such a field is refused; to leave it out is not, so whoever does is to be told that it hides nothing.
    """
    opened = {opening.field for opening in receipt.openings}
    found = [
        (name, tuple(told for told in IDENTITY_FIELDS if told in tells and told not in opened))
        for name, tells in _verdict_tells(receipt).items()
        if name in opened
    ]
    return [(name, told) for name, told in found if told]


def _verdict_tells(receipt: IdentityReceipt) -> dict[str, Collection[str]]:
    """Return what an open field of a verdict tells of others."""
    values = {opening.field: opening.value for opening in receipt.openings}
    tells: dict[str, Collection[str]] = {}
    if "reason" in values:
        tells["reason"] = ("answer",)
    if receipt.policy:
        tells["policy"] = ("party",)  # the record that is shown names it
    if values.get("answer") == YES.encode():
        tells["answer"] = ("reason",)  # there is none
    # Nothing but a yes has one of these.
    return tells | {name: _VERDICT for name in ("pseudonym", "range") if values.get(name)}
