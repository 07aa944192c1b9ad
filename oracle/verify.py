"""Verify a run certificate, a notary receipt, or the receipt of a call, a wallet or a credential's check, offline.

Nothing of the project is used but its specification.

    python oracle/verify.py FILE --fingerprint HEX --allow-simulated [--content FILE] [--json]

Each step of `docs/spec/certificate.md`, `contract.md`, `wallet.md` or `identity.md` is printed as passed, failed or not
reached; that of a range proof, for which no library is here, as not checked.

Exit status: 0 every step passed; 2 the call is not valid, or a file cannot be read; 4 a step failed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from contract_receipt import CALL, verify_call
from identity_receipt import VERDICT, verify_verdict
from notary_receipt import NOTARY, verify_notary
from policy import LEVELS, Checks, Policy
from run_certificate import Run
from strict import encode
from wallet_receipt import WALLET, verify_wallet


def verify(data: bytes, policy: Policy, content: bytes | None = None) -> Checks:
    """Verify a file of any of the five kinds."""
    if data[1:].startswith(encode(NOTARY.name)):
        return verify_notary(data, policy, content)
    if data[1:].startswith(encode(CALL.name)):
        return verify_call(data, policy)
    if data[1:].startswith(encode(WALLET.name)):
        return verify_wallet(data, policy)
    if data[1:].startswith(encode(VERDICT.name)):
        return verify_verdict(data, policy)
    return Run(data, policy).verify()


def main(arguments: list[str] | None = None) -> int:
    """Verify one file; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--fingerprint", action="append", default=[], metavar="HEX",
                        help="that is pinned, 64 hex digits; may be given again")  # fmt: skip
    parser.add_argument("--allow-simulated", action="store_true",
                        help="accept the simulated platform: it protects nothing")  # fmt: skip
    parser.add_argument("--least-ordering", choices=LEVELS, default="single-host")
    parser.add_argument("--max-evidence-age", type=int, default=24, metavar="HOURS")
    parser.add_argument("--allow-stale", action="store_true", help="accept older evidence")
    parser.add_argument("--content", type=Path, help="the notarized file")
    parser.add_argument("--now-ms", type=int, help="verification time, milliseconds since 1970")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(arguments)
    try:
        data = args.file.read_bytes()
        content = None if args.content is None else args.content.read_bytes()
        policy = Policy(args)
    except (OSError, ValueError) as problem:
        parser.error(str(problem))
    checks = verify(data, policy, content)
    _tell(checks, args.json)
    return 4 if checks.reason else 0


def _tell(checks: Checks, as_json: bool) -> None:
    if as_json:
        shown = {name: value.hex() for name, value in checks.shown.items()}
        told = {
            "verified": not checks.reason,
            "reason": checks.reason,
            "steps": checks.steps,
            "shown": shown,
        }
        print(json.dumps(told, indent=1))
        return
    for step in checks.steps:
        print(f"{step['step']:>2}. {step['state']:<11} {step['what']}")
    if checks.reason:
        print(f"refused: {checks.reason}")
        return
    print(
        "verified; the platform is simulated: no hardware vouches for it; earlier runs may have been discarded"
    )
    for name, value in checks.shown.items():
        print(f"{name}: {value!r}" if len(value) < 200 else f"{name}: {len(value)} bytes")


if __name__ == "__main__":
    sys.exit(main())
