"""What a client checks before it believes an answer: to a request, and to a read.

No input or output, no clock: entries, checkpoints and time are arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adyton.client.steps import ANSWER_STEPS, READ_STEPS, Steps
from adyton.client.verified import VerifiedEntry
from adyton.core import limits
from adyton.core.errors import VerificationError
from adyton.protocol.envelope import ReadAnswer, Request, Response, SealedReadAnswer
from adyton.protocol.ledger import Checkpoint
from adyton.protocol.words import require_ordering


@dataclass(frozen=True)
class Believed:
    """An answer to a request, all of it verified.

    Attributes:
        entry: where the request is recorded.
        response: opened.
        task_hash: that entry's: of the envelope that was sent, or of an earlier one that it repeats.
    """

    entry: VerifiedEntry
    response: Response
    task_hash: bytes


def verify_answer(
    unverified_name: bytes,
    *,
    named: bytes,
    request: Request,
    entry: Callable[[], VerifiedEntry],
    original: Callable[[bytes], VerifiedEntry],
    steps: Steps | None = None,
) -> Believed:
    """Verify the answer to a posted envelope, and return what it says.

    Trust: runs in the client; the name comes from the host, and so do the bytes behind the entries.

    Steps, as in `docs/spec/envelope.md`:
      1. the answer names this envelope;
      2. the entry lies in this chain, executed and signed by attested code, and joins the view;
      3. it is this request's, with a response;
      4. the response opens under this request's own key for this very execution, and its code is
         the public one;
      5. a request that was carried out was carried out inside its window, under the ordering that
         it asks for or a stronger one;
      6. where it repeats an earlier entry, that one passes 2 to 5 in its stead.

    Args:
        unverified_name: task hash that the answer names.
        named: task hash of the envelope that was sent.
        request: what was sealed in it.
        entry: verifies the answer's entry and joins it to the view.
        original: does so with the entry of an earlier task hash.
        steps: told how far the verification comes.

    Raises:
        PolicyError: `ordering_unavailable`, in step 5. VerificationError: any step.
        Error: whatever else the callables raise.
    """
    steps = steps or Steps(ANSWER_STEPS)
    steps.reach(1)
    if unverified_name != named:
        raise _invalid("the answer is for another envelope")
    steps.reach(2)
    believed = _believed(entry(), request, named, steps)
    steps.reach(6)
    earlier = believed.response.original
    if earlier is not None and earlier != named:
        believed = _believed(original(earlier), request, earlier, None)
    steps.end()
    return believed


def _believed(
    entry: VerifiedEntry, request: Request, named: bytes, steps: Steps | None
) -> Believed:
    """Take steps 3 to 5; `steps` is not told of an original's, which are all in step 6."""
    part, facts = entry.part, entry.checkpoint.facts
    _reach(steps, 3)
    if part.kind != "request" or part.task_hash != named or part.sealed is None:
        raise _invalid("the entry is not this request's")
    _reach(steps, 4)
    response = Response.open(part.sealed, request.response_key, entry.exec_id)
    if response.code != part.code:
        raise _invalid("public and sealed outcome differ")
    _reach(steps, 5)
    if not response.code:
        if not request.not_before_ms <= facts.time_ms < request.expiry_ms:
            raise _invalid("executed outside the request's window")
        require_ordering(facts.ordering, request.ordering)
    return Believed(entry, response, named)


def verify_read_answer(
    unverified: bytes,
    *,
    response_key: bytes,
    checkpoint: Callable[[bytes], Checkpoint],
    now_ms: int,
    steps: Steps | None = None,
) -> ReadAnswer:
    """Verify the answer to a read, and return it; it may be a refusal.

    Trust: runs in the client; the bytes come from the host.

    Steps, as in `docs/spec/envelope.md`:
      1. the answer opens under this read's own key;
      2. its checkpoint is of this chain, signed by an attested recorder, joins the view, and is not
         behind what was seen when the read was sent;
      3. it has not expired.

    Args:
        unverified: encoded `SealedReadAnswer`.
        response_key: of the read.
        checkpoint: verifies an encoded checkpoint and joins it to the view.
        now_ms: client's clock.
        steps: told how far the verification comes.

    Raises:
        MalformedError: step 1. VerificationError: any step; `RollbackError` in step 2.
        Error: whatever else the callable raises.
    """
    steps = steps or Steps(READ_STEPS)
    steps.reach(1)
    answer = SealedReadAnswer.decode(unverified).open(response_key)
    steps.reach(2)
    checkpoint(answer.checkpoint)
    steps.reach(3)
    if answer.expires_ms + limits.CLOCK_SKEW_MS < now_ms:
        raise _invalid("the answer to the read has expired")
    steps.end()
    return answer


def _reach(steps: Steps | None, number: int) -> None:
    if steps is not None:
        steps.reach(number)


def _invalid(reason: str) -> VerificationError:
    return VerificationError("answer_invalid", reason)
