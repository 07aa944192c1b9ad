"""The functions of vectors of what a client believes: each tells how far it came.

A client's view is given as what it was made of: the pinned fingerprint, evidence of the node, and the newest
checkpoint it holds, or null.
"""

from collections.abc import Callable
from typing import Any, Final

from adyton.attestation.policy import AppraisalPolicy
from adyton.client.answers import verify_answer, verify_read_answer
from adyton.client.finished_task import verify_end
from adyton.client.records import KnownClaims
from adyton.client.steps import ANSWER_STEPS, END_STEPS, READ_STEPS, Steps
from adyton.client.verified import VerifiedEntry
from adyton.client.verified_view import VerifiedView
from adyton.core.errors import UsageError
from adyton.protocol.claims import content_digest, named_digests
from adyton.protocol.envelope import Request
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.genesis import Genesis
from adyton.protocol.task import Content, Task

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

    def original(named: bytes) -> VerifiedEntry:
        if repeated is None or _Hex(repeated["task_hash"]) != named:
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


def _verify_end(given: Given, steps: Steps | None = None) -> Given:
    view = view_of(given)
    end = verify_end(
        view.reopen_entry(_Hex(given["accepted"])),
        view.reopen_entry(_Hex(given["finished"])),
        task_hash=_Hex(given["task_hash"]),
        ordering=given["ordering"],
        result_key=_Hex(given["result_key"]),
        known=None if given["task"] is None else known_of(Task.decode(_Hex(given["task"]))),
        runner=view.node_of_runner,
        blob=lambda _: _Hex(given["blob"]),
        steps=steps,
    )
    return {
        "result": end.result.encode().hex(),
        "run_info": end.run_info.encode().hex(),
        "values": {name: value.hex() for name, value in end.values.items()},
    }


def known_of(task: Task) -> KnownClaims:
    """Return what the client of a task knows of its claims; the vectors' tasks have no blobs."""
    return KnownClaims(
        content_digest(inline_content(task.code)),
        named_digests([(one.name, inline_content(one.content)) for one in task.inputs]),
        task.arguments,
        content_digest(b"" if task.stdin is None else inline_content(task.stdin)),
        task.limits,
    )


def inline_content(content: Content) -> bytes:
    if content.inline is None:
        raise ValueError("a vector's task has its contents inline")
    return content.inline


# Functions that tell their steps, and what the steps are.
STEPPED: Final[dict[str, tuple[Callable[[Given, Steps], Given], tuple[str, ...]]]] = {
    "verify_answer": (_verify_answer, ANSWER_STEPS),
    "verify_read_answer": (_verify_read_answer, READ_STEPS),
    "verify_end": (_verify_end, END_STEPS),
}
