"""The functions of vectors of what a client believes: each tells how far it came.

A client's view is given as what it was made of: the pinned fingerprint, evidence of the node, and the newest
checkpoint it holds, or null.
"""

from collections.abc import Callable
from typing import Any, Final

from adyton.attestation.policy import AppraisalPolicy
from adyton.client.answers import verify_answer, verify_read_answer
from adyton.client.steps import ANSWER_STEPS, READ_STEPS, Steps
from adyton.client.verified import VerifiedEntry
from adyton.client.verified_view import VerifiedView
from adyton.core.errors import UsageError
from adyton.protocol.envelope import Request
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.genesis import Genesis

Given = dict[str, Any]
_Hex = bytes.fromhex


def view_of(given: Given) -> VerifiedView:
    """Return the view that a vector gives."""
    evidence = NodeEvidence.decode(_Hex(given["node"]))
    chain_id = Genesis.decode(evidence.genesis).chain_id()
    view = VerifiedView(chain_id, _Hex(given["fingerprint"]))
    view.add_announced_node(evidence, AppraisalPolicy(allow_simulated=True), given["now_ms"])
    if given["held"] is not None:
        view.update_checkpoint(_Hex(given["held"]), ())
    return view


def path_of(given: Given) -> list[bytes]:
    return list(map(_Hex, given["consistency"]))


def _verify_answer(given: Given, steps: Steps | None = None) -> Given:
    view, answer, repeated = view_of(given), given["answer"], given["original"]

    def entry(shown: Given) -> VerifiedEntry:
        return view.accept_entry(_Hex(shown["proof"]), path_of(shown))

    def original(_: bytes) -> VerifiedEntry:
        if repeated is None:
            raise UsageError("not_found", "the server shows no entry of that name")
        return entry(repeated)

    believed = verify_answer(
        _Hex(answer["task_hash"]),
        named=_Hex(given["task_hash"]),
        request=Request.decode(_Hex(given["request"])),
        entry=lambda: entry(answer),
        original=original,
        steps=steps,
    )
    return {
        "task_hash": believed.task_hash.hex(),
        "response": believed.response.encode().hex(),
        "exec_id": believed.entry.exec_id.hex(),
        "view": view.size,
    }


def _verify_read_answer(given: Given, steps: Steps | None = None) -> Given:
    view = view_of(given)
    path, least = path_of(given), view.size
    answer = verify_read_answer(
        _Hex(given["answer"]),
        response_key=_Hex(given["response_key"]),
        checkpoint=lambda shown: view.accept_checkpoint(shown, path, least=least),
        now_ms=given["now_ms"],
        steps=steps,
    )
    return {"code": answer.code, "result": answer.result.hex(), "view": view.size}


# Functions that tell their steps, and what the steps are.
STEPPED: Final[dict[str, tuple[Callable[[Given, Steps], Given], tuple[str, ...]]]] = {
    "verify_answer": (_verify_answer, ANSWER_STEPS),
    "verify_read_answer": (_verify_read_answer, READ_STEPS),
}
