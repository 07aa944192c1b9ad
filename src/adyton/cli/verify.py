"""`adyton verify`: check a certificate or a notary's receipt, offline, and say what it means."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import certificate_policy, hex_bytes, pinned_fingerprints
from adyton.cli.output import Output
from adyton.cli.settings import Settings, home_parent, json_parent, settings_of
from adyton.core import limits
from adyton.core.errors import MalformedError, PolicyError, UsageError
from adyton.protocol.words import ORDERING_LEVELS

if TYPE_CHECKING:
    from adyton.client.certificate import CertificatePolicy
    from adyton.client.verdict import Verdict

_DESCRIPTION = """\
Check a run certificate, or a notary's receipt together with the file it is of, without asking any
server. Says in plain words who could have read what. Exits with 0 only where the file verifies and
the policy holds: a pinned fingerprint, no simulated platform unless allowed, the least ordering,
evidence that was fresh when the task ran.
"""
_HOUR_S = 3600


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "verify",
        help="check a certificate or receipt, offline",
        description=_DESCRIPTION,
        epilog="examples:\n  adyton verify run.certificate --fingerprint HEX64\n"
        "  adyton verify contract.pdf.receipt --file contract.pdf",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("certificate", metavar="FILE", help="a certificate, or a *.receipt")
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
    parser.set_defaults(handler=_verify, parser=parser)


def _verify(args: argparse.Namespace, out: Output) -> int:
    settings = settings_of(args)
    path = Path(args.certificate)
    with path.open("rb") as file:
        unverified = file.read(limits.CERTIFICATE + 1)
    verdict = _checked(unverified, path, args, settings)
    if verdict.platform == "simulated":
        out.warn_simulated()
    out.text(*verdict.lines())
    out.json(verdict.to_json())
    return 0


def _checked(
    unverified: bytes, path: Path, args: argparse.Namespace, settings: Settings
) -> Verdict:
    from adyton.client.certificate import verify_certificate
    from adyton.client.notary import NotaryReceipt, verify_notary_receipt

    policy = _policy(args, settings)
    now_ms = time.time_ns() // 1_000_000
    # Both begin with an array head and their own name; a byte wrong there is refused by either parser.
    if NotaryReceipt.WIRE_NAME.encode() in unverified[:64]:
        return verify_notary_receipt(
            unverified, content=_content(path, args.file), policy=policy, now_ms=now_ms
        )
    try:
        return verify_certificate(unverified, policy=policy, now_ms=now_ms)
    except MalformedError as problem:
        raise MalformedError(
            "certificate_invalid", f"not a certificate: {problem.message}"
        ) from problem


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
