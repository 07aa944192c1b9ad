"""Checklists of requests: kept for a week, for the developers of the relying party alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from adyton.core import limits
from adyton.core.errors import CredentialError, UsageError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, Uint, Uint32, message
from adyton.enclave.apps.base import Call
from adyton.enclave.identity.book import Book
from adyton.enclave.state import State
from adyton.protocol.credentials.steps import Checklist as Steps
from adyton.protocol.credentials.steps import Mark, Step
from adyton.protocol.identity.answers import Checklist, ChecklistLine
from adyton.protocol.identity.registries import PartyRecord
from adyton.protocol.identity.requests import APP
from adyton.protocol.padding import pad, unpad

_CHECKLIST: Final = b"c"
_LEAST: Final = 1024  # so that its size in the state tells nothing


@message("kept-checklist/1", max_bytes=_LEAST - 4)
class KeptChecklist(Message):
    """A checklist as the state has it.

    Attributes:
        party: whose developers may see it.
        height, time_ms: of the block.
        failed: the step that failed; 0 where none did.
        reason, text: why, empty where none did.
        not_asked: of each step, from the lowest bit on, whether it was not asked for.
    """

    party: Bytes32
    height: Uint
    time_ms: Uint
    failed: Uint32
    reason: Annotated[str, AtMost(40)]
    text: Annotated[str, AtMost(400)]
    not_asked: Uint32


@dataclass(frozen=True)
class Checklists:
    """Checklists of one chain.

    Attributes:
        state: holds them.
        book: of records.
    """

    state: State
    book: Book

    def keep(
        self,
        call: Call,
        request: bytes,
        party: bytes,
        steps: Steps,
        problem: CredentialError | None,
    ) -> None:
        """Keep how far a request has come.

        Args:
            call: that had it checked.
            request: its name.
            party: record of the relying party.
            steps: taken.
            problem: what the last step failed with; None where all were passed.
        """
        failed = 0 if problem is None else steps.now
        kept = KeptChecklist(
            party, call.height, call.time_ms, failed,
            "" if problem is None else problem.reason, "" if problem is None else problem.message,
            sum(1 << step - 1 for step in steps.not_asked),
        )  # fmt: skip
        expires_ms = call.time_ms + limits.CHECKLIST_S * 1000
        padded = pad(kept.encode(), least=_LEAST)
        self.state.set(APP, _CHECKLIST + request, padded, expires_ms=expires_ms)

    def read(self, request: bytes, client: bytes) -> Checklist:
        """Return the checklist of a request.

        Raises:
            UsageError: `not_found`; the same where it is not for this client.
        """
        held = self.state.get(APP, _CHECKLIST + request)
        if held is not None:
            kept = KeptChecklist.decode(unpad(held, least=_LEAST))
            if client in self.book.record(kept.party, PartyRecord).developers:
                lines = tuple(_line(kept, step) for step in Step)
                return Checklist(request, kept.height, kept.time_ms, lines)
        raise UsageError("not_found", "no checklist of that request for this client")


def _line(kept: KeptChecklist, step: Step) -> ChecklistLine:
    if step == kept.failed:
        return ChecklistLine(step, Mark.FAILED, kept.reason, kept.text)
    if kept.failed and step > kept.failed:
        return ChecklistLine(step, Mark.NOT_REACHED, "", "")
    not_asked = kept.not_asked >> step - 1 & 1
    return ChecklistLine(step, Mark.NOT_ASKED if not_asked else Mark.PASSED, "", "")
