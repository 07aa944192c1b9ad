"""What a verified conflict means, in plain words: what is proved, and what is only said.

The words follow from facts alone; this module verifies nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from adyton.client.verdict import utc
from adyton.protocol.ledger import Checkpoint

_OF_PROOF: Final = (
    "no client could have made this up: the server's own keys signed both",
    (
        "it does not say why: a backup that was put back, or a disk that lost what it had "
        "confirmed, looks the same as intent"
    ),
)
_OF_REPORT: Final = (
    (
        "both checkpoints are signed, and both can be of one history: an honest server signed "
        "the smaller one before the larger"
    ),
    "that it was shown afterwards, or could not be joined, is the word of whoever made this file",
)


@dataclass(frozen=True)
class ConflictVerdict:
    """The facts of a conflict whose signatures hold.

    Attributes:
        hardware_rooted: whether a maker of hardware vouches for the keys that signed.
        stale_ms: how much older evidence was, when its key was used, than the policy allows.
        held: what was seen first.
        shown: what does not go with it.
        proof: why both cannot be of one history; empty where nothing in the file shows it.
        report: what the maker of the file says, `fork` or `rollback`.
        seen_ms: when, in the maker's words.
    """

    fingerprint: bytes
    chain_id: bytes
    platform: str
    hardware_rooted: bool
    stale_ms: int
    held: Checkpoint
    shown: Checkpoint
    proof: str
    report: str
    seen_ms: int

    @property
    def proved(self) -> bool:
        """Whether the file proves two histories to somebody who was not there."""
        return bool(self.proof)

    def headline(self) -> str:
        """Return the verdict in one sentence."""
        who = f"the server with fingerprint {self.fingerprint.hex()}"
        if self.proved:
            return f"proved: {who} signed two histories: {self.proof}"
        held, shown = self.held.facts, self.shown.facts
        if self.report == "rollback":
            said = (
                f"after a log of {held.size} entries, {who} showed one of {shown.size} "
                "as its newest"
            )
        else:
            said = (
                f"{who} gave no proof that its logs of {held.size} and of {shown.size} entries "
                "are one"
            )
        return f"not proved, only reported: {said}"

    def remarks(self) -> tuple[str, ...]:
        """Return what else a reader must know, a sentence each."""
        if self.proved:
            said = list(_OF_PROOF)
        else:
            said = list(_OF_REPORT)
        if not self.hardware_rooted:
            said.append(
                "the platform is SIMULATED: whoever has the machine could have signed both, "
                "and no hardware vouches for the code"
            )
        if self.stale_ms:
            said.append("the evidence of a key was older than the policy allows when it was used")
        return tuple(said)

    def lines(self) -> list[str]:
        """Return the verdict for people, a line each."""
        return [
            self.headline(),
            f"  chain       {self.chain_id.hex()}",
            *_lines("seen first", self.held),
            *_lines("then shown", self.shown),
            f"  noticed     {utc(self.seen_ms)} (in the words of whoever made this file)",
            "bear in mind:",
            *[f"  {remark}" for remark in self.remarks()],
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict for programs: bytes as lowercase hex."""
        return {
            "subject": "conflict",
            "proved": self.proved,
            "verdict": self.headline(),
            "proof": self.proof or None,
            "report": self.report,
            "seen_ms": self.seen_ms,
            "fingerprint": self.fingerprint.hex(),
            "chain_id": self.chain_id.hex(),
            "platform": self.platform,
            "simulated": self.platform == "simulated",
            "hardware_rooted": self.hardware_rooted,
            "stale": self.stale_ms > 0,
            "held": checkpoint_json(self.held),
            "shown": checkpoint_json(self.shown),
            "remarks": list(self.remarks()),
        }


def checkpoint_json(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint for programs: bytes as lowercase hex."""
    facts = checkpoint.facts
    return {
        "height": facts.height,
        "size": facts.size,
        "time_ms": facts.time_ms,
        "root": checkpoint.root.hex(),
        "block_hash": facts.block_hash.hex(),
        "signer": facts.key_id.hex(),
    }


def checkpoint_line(checkpoint: Checkpoint) -> str:
    """Return a checkpoint for people, in one line."""
    facts = checkpoint.facts
    counted = "1 entry" if facts.size == 1 else f"{facts.size} entries"
    return (
        f"{counted}, block {facts.height} {facts.block_hash.hex()[:16]}, "
        f"{utc(facts.time_ms)}, signed by {facts.key_id.hex()}"
    )


def _lines(label: str, checkpoint: Checkpoint) -> list[str]:
    return [f"  {label:<11} {checkpoint_line(checkpoint)}"]
