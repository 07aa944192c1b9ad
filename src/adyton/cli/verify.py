"""`adyton verify`: check a certificate or a receipt, offline, and say what it means."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adyton.cli import conflicts
from adyton.cli.connect import certificate_policy, hex_bytes, pinned_fingerprints
from adyton.cli.output import Output
from adyton.cli.settings import Settings, home_parent, json_parent, settings_of
from adyton.core import limits
from adyton.core.errors import MalformedError, PolicyError, UsageError
from adyton.protocol.words import ORDERING_LEVELS

if TYPE_CHECKING:
    from adyton.client.certificate import CertificatePolicy
    from adyton.client.steps import Steps
    from adyton.client.verdict import Verdict

_DESCRIPTION = """\
Check a run certificate, the receipt of a contract's call, of a wallet's signature or of a
credential's check, or a notary's receipt together with the file it is of, without asking any
server. Says in plain words who could have read what. Exits with 0 only where the file verifies and
the policy holds: a pinned fingerprint, no simulated platform unless allowed, the least ordering,
evidence that was fresh when the task ran.

With --explain it lists every step of the verification as passed, failed or not reached. With
--redact it writes a copy of a certificate or receipt, but a notary's, that opens less: what is
closed there can be neither read nor guessed from the copy, and all the rest still verifies. A copy
shows the same task as the original.

Of a conflict, which a client keeps when a server shows it two histories, it says what is proved and
what is only reported; it exits with 0 only for proof.
"""
_HOUR_S = 3600


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "verify",
        help="check a certificate or receipt, offline",
        description=_DESCRIPTION,
        epilog="examples:\n  adyton verify run.certificate --fingerprint HEX64\n"
        "  adyton verify contract.pdf.receipt --file contract.pdf\n"
        "  adyton verify run.certificate --redact arguments,stdout --out for-my-customer.certificate",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent()],
        allow_abbrev=False,
    )
    parser.add_argument(
        "certificate", metavar="FILE", help="a certificate, a *.receipt or a *.conflict"
    )
    parser.add_argument(
        "--fingerprint",
        metavar="HEX64",
        action="append",
        help="accept this node; default: every node that `adyton trust` pinned",
    )
    parser.add_argument(
        "--ordering",
        choices=ORDERING_LEVELS,
        default=ORDERING_LEVELS[0],
        help=f"least ordering level to accept; default {ORDERING_LEVELS[0]}",
    )
    hours = limits.EVIDENCE_AGE_S // _HOUR_S
    parser.add_argument(
        "--max-evidence-age",
        metavar="HOURS",
        type=int,
        help=f"how old evidence may have been when the task ran; default {hours}",
    )
    parser.add_argument(
        "--allow-stale", action="store_true", help="accept older evidence; the verdict says so"
    )
    parser.add_argument(
        "--file",
        metavar="PATH",
        help="what a receipt is of; default: the receipt's name without .receipt",
    )
    parser.add_argument(
        "--explain", action="store_true", help="list each step: passed, failed or not reached"
    )
    parser.add_argument(
        "--redact",
        metavar="FIELDS",
        help="close these fields, separated by commas (all: every one that can be), in a copy; needs --out",
    )
    parser.add_argument("--out", metavar="FILE", help="where to write the copy; must not exist")
    parser.set_defaults(handler=_verify, parser=parser)


def _verify(args: argparse.Namespace, out: Output) -> int:
    settings = settings_of(args)
    path = Path(args.certificate)
    with path.open("rb") as file:
        unverified = file.read(limits.CERTIFICATE + 1)
    if (args.redact is None) != (args.out is None):
        raise UsageError("usage", "--redact and --out are given together")
    if conflicts.is_conflict(unverified):
        if args.explain or args.redact is not None:
            raise UsageError("usage", "a conflict has no fields and no steps to show")
        return conflicts.judge(unverified, _policy(args, settings), out)
    verdict = _checked(unverified, path, args, settings, out)
    told = verdict.to_json() | getattr(args, "explained", {})
    if args.redact is not None:
        told["redacted"] = _redacted(unverified, args, settings)
    if verdict.platform == "simulated":
        out.warn_simulated()
    out.text(*verdict.lines())
    if args.redact is not None:
        opens = ", ".join(told["redacted"]["opens"]) or "nothing"
        out.text(f"wrote {args.out}: it opens {opens}; it is plainly of the same task")
    out.json(told)
    return 0


def _checked(
    unverified: bytes, path: Path, args: argparse.Namespace, settings: Settings, out: Output
) -> Verdict:
    from adyton.client.notary import NotaryReceipt

    policy = _policy(args, settings)
    kind, steps = _steps(unverified)
    content = _content(path, args.file) if kind == NotaryReceipt.WIRE_NAME else None
    try:
        return _verdict(unverified, content, policy, steps, kind)
    finally:
        if args.explain:
            listed = steps.listed()
            out.text(*[f"{step.number:>2}. {step.state:<11}  {step.what}" for step in listed], "")
            # Where a step has failed, `main` adds this to what it says of the failure.
            args.explained = {"steps": [asdict(step) for step in listed]}


def _steps(unverified: bytes) -> tuple[str, Steps]:
    """Return the name of a receipt, empty for a certificate and for what is none, and its verification's steps."""
    from adyton.client import steps
    from adyton.client.contract_receipt import ContractReceipt
    from adyton.client.identity_receipt import IdentityReceipt
    from adyton.client.notary import NotaryReceipt
    from adyton.client.wallet_receipt import WalletReceipt

    # Each begins with an array head and its own name; a byte wrong there is refused by any parser.
    kinds = {
        NotaryReceipt.WIRE_NAME: steps.NOTARY_STEPS,
        ContractReceipt.WIRE_NAME: steps.CONTRACT_STEPS,
        WalletReceipt.WIRE_NAME: steps.WALLET_STEPS,
        IdentityReceipt.WIRE_NAME: steps.IDENTITY_STEPS,
    }
    kind = next((name for name in kinds if name.encode() in unverified[:64]), "")
    return kind, steps.Steps(kinds.get(kind, steps.RUN_STEPS))


def _verdict(
    unverified: bytes,
    content: bytes | None,
    policy: CertificatePolicy,
    steps: Steps,
    kind: str,
) -> Verdict:
    from adyton.client.certificate import verify_certificate
    from adyton.client.contract_receipt import ContractReceipt, verify_contract_receipt
    from adyton.client.identity_receipt import IdentityReceipt, verify_identity_receipt
    from adyton.client.notary import NotaryReceipt, verify_notary_receipt
    from adyton.client.wallet_receipt import WalletReceipt, verify_wallet_receipt

    now_ms = time.time_ns() // 1_000_000
    if kind == ContractReceipt.WIRE_NAME:
        return verify_contract_receipt(unverified, policy=policy, now_ms=now_ms, steps=steps)
    if kind == WalletReceipt.WIRE_NAME:
        return verify_wallet_receipt(unverified, policy=policy, now_ms=now_ms, steps=steps)
    if kind == IdentityReceipt.WIRE_NAME:
        return verify_identity_receipt(unverified, policy=policy, now_ms=now_ms, steps=steps)
    if kind == NotaryReceipt.WIRE_NAME:
        return verify_notary_receipt(
            unverified, content=content, policy=policy, now_ms=now_ms, steps=steps
        )
    try:
        return verify_certificate(unverified, policy=policy, now_ms=now_ms, steps=steps)
    except MalformedError as problem:
        raise MalformedError(
            "certificate_invalid", f"not a certificate: {problem.message}"
        ) from problem


def _redacted(unverified: bytes, args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Write a copy that opens less, once it has verified as the original has; return what it opens.

    Raises:
        UsageError: another kind of file, a field that is not open or cannot be closed, or a file that exists.
    """
    from adyton.client.contract_receipt import ContractReceipt
    from adyton.client.identity_receipt import IdentityReceipt
    from adyton.client.redaction import PUBLIC, redact, redact_call, redact_identity, redact_wallet
    from adyton.client.wallet_receipt import WalletReceipt
    from adyton.protocol.certificate import RunCertificate

    kinds: tuple[tuple[type[Any], Callable[[Any, Collection[str]], Any]], ...] = (
        (RunCertificate, redact),
        (ContractReceipt, redact_call),
        (WalletReceipt, redact_wallet),
        (IdentityReceipt, redact_identity),
    )
    found = [kind for kind in kinds if kind[0].WIRE_NAME.encode() in unverified[:64]]
    if not found:
        raise UsageError("usage", "a notary's receipt has no fields to close")
    form, closed = found[0]
    original = form.decode(unverified)
    public = PUBLIC if form is IdentityReceipt else ()
    opened = [opening.field for opening in original.openings if opening.field not in public]
    copy = closed(original, opened if args.redact == "all" else args.redact.split(","))
    encoded: bytes = copy.encode()
    kind, steps = _steps(encoded)
    _verdict(encoded, None, _policy(args, settings), steps, kind)
    try:
        with Path(args.out).open("xb") as file:
            file.write(encoded)
    except FileExistsError:
        raise UsageError("exists", f"{args.out} exists; name another file") from None
    return {"path": args.out, "opens": [opening.field for opening in copy.openings]}


def _content(receipt: Path, named: str | None) -> bytes:
    """Return the content that a receipt is of.

    Raises:
        UsageError: it is not named, and does not lie beside the receipt.
    """
    if named is not None:
        return Path(named).read_bytes()
    beside = receipt.with_suffix("")
    if receipt.suffix != ".receipt" or not beside.is_file():
        raise UsageError("usage", "name the file that the receipt is of with --file")
    return beside.read_bytes()


def _policy(args: argparse.Namespace, settings: Settings) -> CertificatePolicy:
    if args.fingerprint:
        pinned = frozenset(hex_bytes(text, 32, "a fingerprint") for text in args.fingerprint)
    else:
        pinned = pinned_fingerprints(settings.home)
    if not pinned:
        raise PolicyError("not_trusted", "no --fingerprint is given, and none is pinned")
    age_s = None
    if args.max_evidence_age is not None:
        if args.max_evidence_age < 0:
            raise UsageError("usage", "--max-evidence-age is a number of hours")
        age_s = args.max_evidence_age * _HOUR_S
    return certificate_policy(
        pinned,
        settings,
        least_ordering=args.ordering,
        max_age_s=age_s,
        allow_stale=args.allow_stale,
    )
