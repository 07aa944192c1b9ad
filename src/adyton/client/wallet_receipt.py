"""Receipts of wallets: made by whoever asked, who opens as much as it chooses; verified by anybody, offline."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from adyton.client.certificate import CertificatePolicy
from adyton.client.opened_claims import openings_of, verify_claims
from adyton.client.private_files import make_directory, write
from adyton.client.recorded_entry import verdict_of, verify_recorded
from adyton.client.session import Session
from adyton.client.shown import text_or_base64
from adyton.client.steps import WALLET_STEPS, Steps
from adyton.client.verdict import Verdict
from adyton.client.wallet_answers import Carried
from adyton.core import limits
from adyton.core.errors import Error, MalformedError, UsageError, VerificationError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, message
from adyton.protocol.certificate import Opening
from adyton.protocol.claims import WALLET_FIELDS
from adyton.protocol.ethereum.address import SIZE, address_of, checksummed
from adyton.protocol.ethereum.signature import Signature, recover
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.ledger import EntryProof

_TEXTS: Final = ("method", "status", "rule")
_NUMBERS: Final = ("chain", "nonce")
_HEX: Final = ("caller", "policy")
_DECIMAL: Final = re.compile(r"[0-9]{1,78}")


@message("wallet-receipt/1", max_bytes=4 * limits.ENTRY)
class WalletReceipt(Message):
    """One file that shows what a wallet was asked and how it answered, as far as its holder opens it.

    Attributes:
        genesis: encoded genesis of the chain.
        recorder: evidence of the key that signed.
        proof: of the entry.
        commitments: to the fields of `claims.WALLET_FIELDS`, in their order.
        openings: those that the holder shows, in the same order.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    recorder: EvidenceBundle
    proof: EntryProof
    commitments: Annotated[tuple[Bytes32, ...], AtMost(16)]
    openings: Annotated[tuple[Opening, ...], AtMost(16)]


def _invalid(reason: str) -> VerificationError:
    return VerificationError("receipt_invalid", reason)


def make_wallet_receipt(
    session: Session, carried: Carried, show: Collection[str] = WALLET_FIELDS
) -> WalletReceipt:
    """Return the receipt of a request to a wallet.

    Args:
        session: whose request it was.
        carried: verified.
        show: names of the fields to open.

    Raises:
        UsageError: no field of such a name, or a signature without its digest.
    """
    if "signature" in show and "digest" not in show:
        raise UsageError("usage", "a signature is shown together with its digest: add digest")
    commitments, openings = openings_of(carried.accepted, WALLET_FIELDS, carried.fields, show)
    return WalletReceipt(
        session.pin.genesis,
        NodeEvidence.decode(carried.accepted.entry.node.evidence).recorder,
        carried.accepted.entry.proof,
        commitments,
        openings,
    )


def keep_wallet_receipt(session: Session, carried: Carried, directory: Path) -> Path:
    """Write the receipt of a request, all of its fields open, into a directory of this user's; return where.

    Raises:
        UsageError: `keystore`, it cannot be written; the request is carried out all the same.
    """
    path = directory / f"{carried.accepted.task_hash.hex()}.receipt"
    make_directory(directory)
    write(path, make_wallet_receipt(session, carried).encode())
    return path


def verify_wallet_receipt(
    unverified: bytes, *, policy: CertificatePolicy, now_ms: int, steps: Steps | None = None
) -> Verdict:
    """Verify a saved receipt and return what it means.

    Trust: runs at the relying party; the bytes come from anybody.

    Steps, as in `docs/spec/wallet.md`:
      1. the bytes are the one encoding of a receipt;
      2. genesis has a pinned fingerprint, and a platform and ordering that the policy accepts;
      3. the evidence is the recorder's that signed, and passes the appraisal;
      4. the entry lies in this chain, executed by the pinned code;
      5. it commits to these commitments;
      6. each opened field fits its commitment;
      7. an opened signature over an opened digest recovers to the opened account;
      8. the key was not used longer after its evidence was made than the policy allows.

    Raises:
        MalformedError: step 1. PolicyError: step 2 or 8. VerificationError: any step.
    """
    steps = steps or Steps(WALLET_STEPS)
    steps.reach(1)
    receipt = WalletReceipt.decode(unverified)
    entry = verify_recorded(
        receipt.genesis, receipt.recorder, receipt.proof, policy=policy, now_ms=now_ms, steps=steps
    )
    opened = verify_claims(
        WALLET_FIELDS, receipt.commitments, receipt.openings, entry.part.claims, steps, first=5
    )
    steps.reach(7)
    _require_signer(opened)
    steps.reach(8)
    verdict = verdict_of(
        entry,
        "wallet request",
        policy,
        now_ms,
        shown={name: _shown(name, value) for name, value in opened.items()},
        closed=tuple(name for name in WALLET_FIELDS if name not in opened),
    )
    steps.end()
    return verdict


def _require_signer(opened: Mapping[str, bytes]) -> None:
    """Refuse an opened signature that is not the opened account's over the opened digest."""
    signature = opened.get("signature", b"")
    if not signature:
        return
    if "digest" not in opened:
        # Whoever reads a signature wants to know over what; it can be closed as well.
        raise _invalid("a signature is opened, and the digest that it is over is not")
    try:
        signer = address_of(recover(opened["digest"], Signature.from_bytes(signature)))
    except Error as problem:
        raise _invalid(f"the opened signature is none: {problem.message}") from problem
    if opened.get("account", signer) != signer:
        raise _invalid("the opened signature is not the opened account's")


def _shown(field: str, value: bytes) -> Any:
    if field in _HEX:
        return value.hex()
    if field == "account":
        return checksummed(value) if len(value) == SIZE else ""
    if field in ("digest", "signature"):
        return "0x" + value.hex() if any(value) else ""
    if field in (*_TEXTS, *_NUMBERS):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            raise MalformedError("malformed", f"an opened {field} is not text") from None
        return int(text) if field in _NUMBERS and _DECIMAL.fullmatch(text) else text
    text, form = text_or_base64(value)
    return text if form == "utf-8" and _is_text(text) else {"base64": b64encode(value).decode()}


def _is_text(text: str) -> bool:
    return text.replace("\n", "").replace("\t", "").isprintable()
