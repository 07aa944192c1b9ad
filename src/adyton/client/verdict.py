"""What a verified certificate means, in plain words: who could have read what, on whose word.

The words follow from facts alone; this module verifies nothing. Sentences are lowercase and stable
enough to test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from adyton.protocol.claims import IDENTITY_FIELDS, WALLET_FIELDS

SUBJECTS: Final = ("code", "inputs", "result", "run information")
_FIELDS_OF: Final[Mapping[str, frozenset[str]]] = {
    "code": frozenset({"code"}),
    "inputs": frozenset({"inputs", "arguments", "stdin"}),
    "result": frozenset({"exit_code", "stdout", "stderr", "outputs"}),
    "run information": frozenset({"limits", "run_info"}),
    "call": frozenset(
        {"address", "code_hash", "method", "caller", "input", "status", "output", "usage"}
    ),
    "request": frozenset(WALLET_FIELDS),
    "verdict": frozenset(IDENTITY_FIELDS),
}
_SUBJECTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "run": SUBJECTS,
    "notarization": ("file",),
    "contract call": ("call", "state"),
    "wallet request": ("request", "keys"),
    "identity verdict": ("verdict", "credential"),
}
_OPENED: Final[Mapping[str, str]] = {
    "code": "the digest of the code",
    "inputs": "names and digests of the inputs",
    "arguments": "the arguments",
    "stdin": "the digest of standard input",
    "exit_code": "the exit code",
    "stdout": "standard output",
    "stderr": "standard error",
    "outputs": "names and digests of the outputs",
    "limits": "the limits",
    "run_info": "the run information",
    "file": "the digest of the file",
    "address": "the contract's address",
    "code_hash": "the hash of its code",
    "method": "the method",
    "caller": "the caller's public key",
    "input": "the input",
    "status": "how it ended",
    "output": "the output",
    "usage": "what it cost",
    "account": "the account",
    "document": "the document that was to be signed",
    "rule": "the rule that decided",
    "policy": "the hash of the policy",
    "chain": "the chain id",
    "nonce": "the nonce",
    "digest": "the digest that was signed",
    "signature": "the signature",
    "party": "the relying party",
    "request": "the request",
    "epoch": "the epoch",
    "answer": "yes or no",
    "reason": "one word why",
    "pseudonym": "the pseudonym at this party",
    "range": "the range proof",
}


@dataclass(frozen=True)
class Verdict:
    """The facts of a certificate that holds, and their meaning.

    Attributes:
        subject: `run`, `notarization`, `contract call`, `wallet request` or `identity verdict`.
        platform: kind of platform that the evidence is of.
        hardware_rooted: whether a maker of hardware vouches for the code and for secrecy.
        stale_ms: how much older the evidence was, at the time of the run, than the policy allows; 0
            if it was not.
        accepted_ms, finished_ms: block times; of a notarization the same.
        attempt: of the run; 0 of a notarization.
        shown: opened fields by name, decoded for people.
        closed: fields that are committed to and not opened.
    """

    subject: str
    fingerprint: bytes
    chain_id: bytes
    measurement: bytes
    task_hash: bytes
    platform: str
    hardware_rooted: bool
    stale_ms: int
    ordering: str
    time_source: str
    sandbox: str
    accepted_height: int
    accepted_ms: int
    finished_height: int
    finished_ms: int
    attempt: int
    shown: Mapping[str, Any] = field(default_factory=dict)
    closed: tuple[str, ...] = ()

    def readable(self) -> dict[str, dict[str, str]]:
        """Return, for each subject, who could have read it: `operator` and `others`."""
        return {
            subject: {"operator": self._operator(subject), "others": self._others(subject)}
            for subject in _SUBJECTS_OF[self.subject]
        }

    def _operator(self, subject: str) -> str:
        if subject == "file":
            return "could not have read it: only a salted commitment to its digest left the client"
        if not self.hardware_rooted:
            return (
                "could have read it: the platform is simulated, no hardware keeps its memory secret"
            )
        if self.stale_ms:
            return (
                "could not have read it unless the platform was broken when it ran: "
                "the evidence was stale"
            )
        return "could not have read it: it was in the clear in attested hardware only"

    def _others(self, subject: str) -> str:
        fields = _FIELDS_OF.get(subject, frozenset({subject}))
        opened = [words for name, words in _OPENED.items() if name in fields & set(self.shown)]
        if opened:
            return f"whoever holds this file reads {', '.join(opened)} in it; the rest is sealed"
        if subject == "file":
            return "could not have read it: the ledger holds a salted commitment"
        if not self.hardware_rooted:
            if subject == "credential":
                return "could not have read it, unless the operator let them: it came in sealed"
            return (
                "could not have read it, unless the operator let them: it left the machine sealed"
            )
        if subject == "credential":
            return "could not have read it: it came in sealed to the enclave, and stayed there"
        return "could not have read it: it left the machine sealed to the client"

    def remarks(self) -> tuple[str, ...]:
        """Return what else a relying party must know, a sentence each."""
        said = []
        if not self.hardware_rooted:
            said.append(
                "the platform is SIMULATED: the machine's operator could have made all of this up, "
                "and no hardware vouches for the code"
            )
        else:
            said.append(f"the code was attested by {self.platform} hardware")
        if self.stale_ms:
            said.append(
                f"the evidence is stale: {_hours(self.stale_ms)} older than the policy allows "
                "when it was used"
            )
        said.append(
            {
                "single-host": "one host ordered the entries: earlier runs may have been discarded",
                "anchored": "a witness countersigned the order: "
                "an earlier run can be discarded only together with the witness",
                "bft": "several operators agreed on the order: "
                "more than a third of them would have to lie to discard a run",
            }[self.ordering]
        )
        said.append(
            "the time is the host's word"
            if self.time_source == "host"
            else "the time was agreed on by several operators"
        )
        if self.subject == "run" and self.attempt > 1:
            said.append(f"the run was interrupted: this is attempt {self.attempt}")
        if self.subject == "run" and self.sandbox == "none":
            said.append("the task ran without a sandbox of its own")
        if self.subject == "identity verdict" and "answer" not in self.shown:
            if self.shown.get("pseudonym") or self.shown.get("range"):
                said.append("pseudonyms and range proofs come with a yes alone: it was one")
            elif self.shown.get("reason"):
                said.append("a reason is given where there is no yes: it was none")
        return tuple(said)

    def lines(self) -> list[str]:
        """Return the verdict for people, a line each."""
        out = [
            f"it holds: {_article(self.subject)} {self.subject} on chain {self.chain_id.hex()[:16]}",
            f"  task        {self.task_hash.hex()}",
            f"  fingerprint {self.fingerprint.hex()} (pinned)",
            f"  code base   {self.measurement.hex()}",
        ]
        if self.subject == "run":
            out += [
                f"  accepted    block {self.accepted_height}, {utc(self.accepted_ms)}",
                f"  finished    block {self.finished_height}, {utc(self.finished_ms)}",
                f"  attempt     {self.attempt}",
            ]
        else:
            out.append(f"  recorded    block {self.accepted_height}, {utc(self.accepted_ms)}")
        for subject, readers in self.readable().items():
            out.append(f"{subject}:")
            out.append(f"  the operator of the machine {readers['operator']}")
            out.append(f"  others: {readers['others']}")
        if self.shown:
            out.append("shown:")
            out += [f"  {name}: {_brief(value)}" for name, value in self.shown.items()]
        if self.closed:
            out.append(f"not shown, only committed to: {', '.join(self.closed)}")
        out.append("bear in mind:")
        out += [f"  {remark}" for remark in self.remarks()]
        return out

    def to_json(self) -> dict[str, Any]:
        """Return the verdict for programs: bytes as lowercase hex."""
        return {
            "holds": True,
            "subject": self.subject,
            "fingerprint": self.fingerprint.hex(),
            "chain_id": self.chain_id.hex(),
            "measurement": self.measurement.hex(),
            "task": self.task_hash.hex(),
            "platform": self.platform,
            "simulated": self.platform == "simulated",
            "hardware_rooted": self.hardware_rooted,
            "stale": self.stale_ms > 0,
            "ordering": self.ordering,
            "time_source": self.time_source,
            "sandbox": self.sandbox,
            "accepted": {"height": self.accepted_height, "time_ms": self.accepted_ms},
            "finished": {"height": self.finished_height, "time_ms": self.finished_ms},
            "attempt": self.attempt,
            "readable": self.readable(),
            "shown": dict(self.shown),
            "closed": list(self.closed),
            "remarks": list(self.remarks()),
        }


def utc(time_ms: int) -> str:
    """Return a time for people, UTC, to the second; a number where it is outside the calendar."""
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"


def _article(subject: str) -> str:
    return "an" if subject[0] in "aeiou" else "a"


def _hours(milliseconds: int) -> str:
    minutes = max(1, milliseconds // 60_000)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _brief(value: Any) -> str:
    text = value.rstrip("\n") if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text[:200])
    return (printable + ("…" if len(text) > 200 else "")) or "(empty)"
