"""What a Relying Party demands, and the list of steps that a verification goes through."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from evidence import Key
from ledger import Chain
from strict import Refused, Value, require

LEVELS = ("single-host", "anchored", "bft")  # weakest first
SKEW_MS = 120_000


class Checks:
    """Runs the numbered steps; after the first that fails, none is reached."""

    def __init__(self, steps: tuple[str, ...]) -> None:
        self.steps = [
            {"step": at, "what": what, "state": "not reached"} for at, what in enumerate(steps, 1)
        ]
        self.reason = ""
        self.shown: dict[str, Value] = {}

    def run(self, step: int, check: Callable[[], None]) -> None:
        """Run a step, unless one has failed."""
        if self.reason:
            return
        try:
            check()
        except Refused as problem:
            self.steps[step - 1]["state"] = "failed"
            self.reason = str(problem)
        else:
            self.steps[step - 1]["state"] = "passed"


class Policy:
    """What the Relying Party says before it looks."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.fingerprints = {bytes.fromhex(text) for text in args.fingerprint}
        self.allow_simulated: bool = args.allow_simulated
        self.least: str = args.least_ordering
        self.age_ms: int = args.max_evidence_age * 3_600_000
        self.allow_stale: bool = args.allow_stale
        self.now_ms: int = time.time_ns() // 10**6 if args.now_ms is None else args.now_ms

    def require_pinned(self, chain: Chain) -> None:
        """Refuse a chain of another fingerprint."""
        require(chain.fingerprint in self.fingerprints, f"not pinned: {chain.fingerprint.hex()}")

    def require_accepted(self, chain: Chain) -> None:
        """Refuse a platform or ordering that is not wanted."""
        kind, ordering = chain.configuration["platform"], chain.configuration["ordering"]
        require(kind != "simulated" or self.allow_simulated, "the simulated platform is refused")
        require(
            kind != "simulated" or chain.genesis["allow_simulated"], "genesis does not allow it"
        )
        require(LEVELS.index(ordering) >= LEVELS.index(self.least), f"ordering is {ordering}")

    def require_age(self, key: Key, used_ms: int) -> None:
        """Refuse a use from the future, and evidence that was too old when its key was used."""
        require(used_ms <= self.now_ms + SKEW_MS, "a block is from the future")
        fresh = used_ms - key.issued_s * 1000 <= self.age_ms
        require(fresh or self.allow_stale, f"the evidence of the {key.role} key was too old")
