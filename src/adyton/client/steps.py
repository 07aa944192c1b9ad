"""The numbered steps of a verification, told by the verification itself as it goes through them.

steps = Steps(RUN_STEPS)
verify_certificate(unverified, policy=policy, now_ms=now_ms, steps=steps)
steps.listed()      # also when that raised: then the step that was reached last is the one that failed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adyton.core.errors import InvariantError

PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_REACHED: Final = "not reached"

RUN_STEPS: Final = (
    "the bytes are the one encoding of a certificate",
    "its genesis has a fingerprint that is pinned",
    "the platform's kind and the ordering are accepted",
    "the evidence is of exactly the keys that signed, and holds: this code, configuration and chain",
    "the acceptance lies in a block of this chain, signed by an attested recorder",
    "the end lies in a block of this chain, after the acceptance, signed by an attested recorder",
    "both were executed by the pinned code, and are of one task, which was accepted",
    "the end is signed by an attested runner, and names the execution of this acceptance",
    "the commitments are those that runner and ledger name",
    "each field that is opened fits its commitment",
    "no key was used too long after its evidence was made, and nothing is of the future",
)
NOTARY_STEPS: Final = (
    "the bytes are the one encoding of a receipt",
    "its genesis has a fingerprint that is pinned, and an accepted platform and ordering",
    "the evidence is of the recorder that signed, and holds: this code, configuration and chain",
    "the entry lies in a block of this chain, executed by the pinned code, and was carried out",
    "the entry commits to the digest, and the digest is that of the file",
    "the key was not used too long after its evidence was made, and nothing is of the future",
)
CONTRACT_STEPS: Final = (
    "the bytes are the one encoding of a receipt",
    "its genesis has a fingerprint that is pinned, and an accepted platform and ordering",
    "the evidence is of the recorder that signed, and holds: this code, configuration and chain",
    "the entry lies in a block of this chain, executed by the pinned code, and was carried out",
    "the entry commits to the commitments of a call",
    "each field that is opened fits its commitment",
    "the key was not used too long after its evidence was made, and nothing is of the future",
)
WALLET_STEPS: Final = (
    *CONTRACT_STEPS[:4],
    "the entry commits to the commitments of a request to a wallet",
    "each field that is opened fits its commitment",
    "an opened signature is the opened account's, over the opened digest",
    "the key was not used too long after its evidence was made, and nothing is of the future",
)
IDENTITY_STEPS: Final = (
    *CONTRACT_STEPS[:4],
    "the entry commits to the commitments of a verdict",
    "each field that is opened fits its commitment",
    "the opened fields agree with each other, and the policy shown is that whose hash is opened",
    "an opened range proof is about this verdict and the policy's day, and holds",
    "the key was not used too long after its evidence was made, and nothing is of the future",
)
ANSWER_STEPS: Final = (
    "the answer names the envelope that was sent",
    "the entry lies in this chain, executed and signed by attested code, and joins what was seen",
    "the entry is this request's, with a response",
    "the response opens for this request and execution, and its outcome is the public one",
    "it was carried out inside the request's window, under the ordering that it asks for",
    "where it repeats an earlier entry, that one holds in its stead",
)
READ_STEPS: Final = (
    "the answer opens under the read's own key",
    "its checkpoint is signed by an attested recorder of this chain, and not behind what was seen",
    "it has not expired",
)
END_STEPS: Final = (
    "the entry is the end of this task, recorded after its acceptance",
    "the runner that the statement names has signed it",
    "it names chain, task and execution of the acceptance",
    "its claims are those of the ledger",
    "the runner is attested",
    "the end is recorded under the ordering that the request asks for",
    "result and run information open, for this execution, attempt and runner",
    "they agree with the statement and with each other",
    "the claims are those of what was submitted and of what came back",
)


@dataclass(frozen=True)
class Step:
    """One step, and what became of it: `passed`, `failed` or `not reached`."""

    number: int
    what: str
    state: str


class Steps:
    """How far a verification came.

    Args:
        what: each step in plain words, in the order of the specification.
    """

    def __init__(self, what: Sequence[str]) -> None:
        self._what = what
        self._reached = 0
        self._ended = False

    def reach(self, number: int) -> None:
        """Go to the next step; the one before has passed.

        Raises:
            InvariantError: it is not the next.
        """
        if number != self._reached + 1 or number > len(self._what):
            raise InvariantError("invariant", f"step {number} does not follow {self._reached}")
        self._reached = number

    def end(self) -> None:
        """Say that the last step has passed.

        Raises:
            InvariantError: a step was left out.
        """
        if self._reached != len(self._what):
            raise InvariantError("invariant", f"the steps end at {self._reached}")
        self._ended = True

    def listed(self) -> tuple[Step, ...]:
        """Return every step; where the verification has not ended, the one reached last has failed."""
        return tuple(
            Step(number, what, self._state(number)) for number, what in enumerate(self._what, 1)
        )

    def _state(self, number: int) -> str:
        if number < self._reached or self._ended:
            return PASSED
        return FAILED if number == self._reached else NOT_REACHED
