"""Measures, and prints one table: each figure beside its goal and its floor, from the same run."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench import machine, table
from bench.figure import Figure
from bench.plan import Plan
from bench.summary import BenchError

# Name, module, what it measures; a module is imported when it is asked for.
GROUPS: Final = {
    "hello": ("bench.hello", "a hello-world task through the SDK"),
    "tasks": ("bench.tasks", "correct tasks a second with eight clients"),
    "notary": ("bench.notarized", "notary requests over HTTP: rate, latency, CPU of either side"),
    "contracts": ("bench.contracts", "sealed calls of a contract, its engine alone, a large state"),
    "wallet": ("bench.signing", "transactions signed by a wallet's vault, hot and cold"),
    "credentials": ("bench.credentials", "the check of a presented credential"),
    "range-proofs": ("bench.range_proofs", "a range proof on either side, status lists"),
    "payments": ("bench.payments", "payments by policy, in flight together and alone"),
    "devices": ("bench.devices", "exchanges and payments over MQTT, beside HTTP"),
    "identity": ("bench.identity", "verdicts on presented credentials, together and alone"),
    "receipt": ("bench.receipt", "size and check of a receipt at a million entries"),
    "start": ("bench.starting", "start to serving, image, evidence"),
    "size": ("bench.size", "restart, lookup, memory of a large ledger"),
    "profile": ("bench.profiles", "the largest costs of a notary request"),
}
LARGE: Final = 1_000_000


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    groups = "\n".join(f"  {name:12} {what}" for name, (_, what) in GROUPS.items())
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"{__doc__}\n\ngroups:\n{groups}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("groups", nargs="*", metavar="GROUP", help="what to measure; default all")
    made.add_argument("--quick", action="store_true", help="seconds instead of minutes, rough")
    made.add_argument(
        "--large", action="store_true", help="the large ledger has a million entries: minutes more"
    )
    made.add_argument(
        "--profile", action="store_true", help="the group profile as well, where groups are named"
    )
    made.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    made.add_argument("--scratch", metavar="DIR", type=Path, help="on the disk that is measured")
    return made


def chosen(names: list[str], profile: bool) -> list[str]:
    """Return the groups to measure.

    Raises:
        BenchError: no such group.
    """
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise BenchError(f"no group {unknown[0]}; there are {', '.join(GROUPS)}")
    wanted = [*(names or GROUPS), *(["profile"] if profile else [])]
    return list(dict.fromkeys(wanted))


def main(arguments: list[str]) -> int:
    """Measure; return 1 when a figure could not be told, 0 whether or not goals were met."""
    options = parser().parse_args(arguments)
    try:
        groups = chosen(options.groups, options.profile)
        parent = options.scratch or machine.scratch_parent()
    except BenchError as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 2
    scratch = Path(tempfile.mkdtemp(prefix="adyton-bench.", dir=parent))
    plan = Plan.quick(scratch) if options.quick else Plan(scratch)
    if options.large:
        plan.ledger = LARGE
    before = machine.describe(scratch)
    print(before, flush=True)
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    begun = time.perf_counter()
    try:
        with plan:
            for name in groups:
                print(f"measuring {name}", file=sys.stderr, flush=True)
                try:
                    figures += importlib.import_module(GROUPS[name][0]).measure(plan)
                # The other figures are still wanted, and this one is told as failed.
                except Exception as problem:  # noqa: BLE001  # whatever it is, it is told
                    failures[name] = f"{type(problem).__name__}: {problem}"
    finally:
        _remove(scratch)
    taken = time.perf_counter() - begun
    print(f"\n{table.render(figures)}\n\n{table.LEGEND}\n\n{taken:.0f} s; at the end: {_load()}")
    for name, reason in failures.items():
        print(f"bench: {name} could not be measured: {reason}", file=sys.stderr)
    if options.json is not None:
        value = {
            "machine": before,
            "quick": options.quick,
            "figures": [figure.as_json() for figure in figures],
            "failures": failures,
        }
        options.json.write_text(json.dumps(value, indent=2) + "\n")
    return 1 if failures else 0


def _remove(scratch: Path) -> None:
    """Remove the scratch directory; images in it are read-only."""
    for directory, _, _ in os.walk(scratch):
        Path(directory).chmod(0o700)
    shutil.rmtree(scratch, ignore_errors=True)


def _load() -> str:
    return "load average " + " ".join(Path("/proc/loadavg").read_text().split()[:3])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
