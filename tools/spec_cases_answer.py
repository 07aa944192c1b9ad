"""The vectors of what a client believes of an answer: to a request, and to a read."""

from dataclasses import replace
from typing import Any

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest, key_id
from adyton.protocol.envelope import ReadAnswer, Request, Response, SealedReadAnswer
from adyton.protocol.ledger import Checkpoint
from tests.unit.attestation.forge import NOW_MS
from tools.spec_case import Case, flip
from tools.spec_world import FINGERPRINT, RESPONSE_KEY, STRANGER, Block, World

_NAME = b"\x51" * 32  # task hash of another envelope of the same request
_INVALID, _UNBELIEVED = "answer_invalid", "receipt_invalid"
_NOW_MS = NOW_MS + 20_000


def answer_cases(shared: World) -> list[Case]:
    """Return the vectors, one for each step at least."""
    # A log of its own: what is appended here is in no other chapter's tree.
    world = World(shared.once)
    return [*_answers(world), *_reads(world)]


def _view(world: World, held: Checkpoint | None) -> dict[str, Any]:
    return {
        "fingerprint": FINGERPRINT.hex(),
        "node": world.node.encode().hex(),
        "held": None if held is None else held.encode().hex(),
        "now_ms": _NOW_MS,
    }


def _path(world: World, one: Checkpoint | None, other: Checkpoint) -> list[str]:
    if one is None:
        return []
    low, high = sorted((one.facts.size, other.facts.size))
    return [node.hex() for node in world.tree.consistency(low, high)]


def _request_block(
    world: World,
    last: Block,
    named: bytes,
    response: Response | None = None,
    exec_id: bytes | None = None,
    **changed: Any,
) -> Block:
    """Return a block after `last` with one answered request; `changed` replaces fields of its public part."""
    transactions = [digest(Context.CONTENT, last.header.hash())]
    response = response or Response("", b"", None, None)
    exec_id = exec_id or Block.header_after(last, transactions).exec_id(0, 0)
    sealed = response.seal(RESPONSE_KEY, exec_id)
    part = world.part("request", task_hash=named, code=response.code, sealed=sealed)
    return Block.make(world, last, [replace(part, **changed)], transactions)


def _answers(world: World) -> list[Case]:
    start, block, end = world.blocks
    refused = _request_block(world, end, _NAME, Response("method_unknown", b"", world.ticket, None))
    replayed = Response("replayed", b"", None, world.task_hash)
    again = _request_block(world, refused, _NAME, replayed)
    late = _request_block(world, again, _NAME, Response("expired", b"", None, None))
    unanswered = _request_block(world, late, _NAME, sealed=None)
    differing = _request_block(world, unanswered, _NAME, code="expired")
    elsewhere = _request_block(world, differing, _NAME, exec_id=bytes(32))
    foreign = _request_block(world, elsewhere, _NAME, measurement=bytes(48))
    as_end = _request_block(world, foreign, _NAME, kind="finish")
    first_itself = _request_block(world, as_end, _NAME, Response("", b"", None, _NAME))
    request, time_ms = world.request, block.header.time_ms
    first = start.checkpoint

    def shown(
        of: Block, entry: int = 0, held: Checkpoint | None = first, **changed: Any
    ) -> dict[str, Any]:
        proof = replace(of.proof(entry), **changed)
        return {
            "proof": proof.encode().hex(),
            "consistency": _path(world, held, of.checkpoint),
        }

    good = shown(block, 1)

    def case(
        name: str,
        answer: dict[str, Any],
        code: str = "",
        step: int | None = None,
        *,
        named: bytes = world.task_hash,
        held: Checkpoint | None = first,
        asked: Request = request,
        original: dict[str, Any] | None = None,
    ) -> Case:
        given = {
            **_view(world, held),
            "task_hash": named.hex(),
            "request": asked.encode().hex(),
            "answer": {"task_hash": named.hex(), **answer},
            "original": original,
        }
        return Case(name, "verify_answer", given, code, step)

    def signed_by_stranger(named_key: bytes, **facts: Any) -> dict[str, Any]:
        checkpoint = block.resigned(STRANGER, key_id=key_id(named_key), **facts)
        return shown(block, 1, receipt=block.receipt(1, checkpoint))

    def repeated(of: Block = block, entry: int = 1, **changed: Any) -> dict[str, Any]:
        listed = shown(of, entry, again.checkpoint, **changed)
        return {"task_hash": world.task_hash.hex(), **listed}

    def repetition(
        name: str,
        original: dict[str, Any] | None,
        code: str = "",
        step: int | None = None,
        asked: Request = request,
    ) -> Case:
        answer = shown(again)
        return case(name, answer, code, step, named=_NAME, asked=asked, original=original)

    recorder, runner = (
        one.attested.signing_key for one in (world.node.recorder, world.node.runner)
    )
    ended, anchored = replace(request, expiry_ms=time_ms), replace(request, ordering="anchored")
    other_chain = block.resigned(chain_id=bytes(32))
    forked = block.resigned(block_hash=bytes(32))
    return [
        case("an answer", good),
        case("an answer to a client that has seen nothing yet", shown(block, 1, None), held=None),
        case("an answer older than what was seen", shown(block, 1, end.checkpoint), held=end.checkpoint),
        case("an answer that refuses", shown(refused), named=_NAME),
        case("a refusal outside the window", shown(late), named=_NAME, asked=replace(request, expiry_ms=NOW_MS)),
        case("the first instant of the window", good, asked=replace(request, not_before_ms=time_ms)),
        case("the last instant of the window", good, asked=replace(request, expiry_ms=time_ms + 1)),
        repetition("an answer that repeats an earlier one", repeated()),
        case("an answer that names itself as the original", shown(first_itself), named=_NAME),
        case("an answer that names another envelope", {**good, "task_hash": bytes(32).hex()}, _INVALID, 1),
        case("an answer whose entry was altered", shown(block, 1, writes=bytes(32)), "bad_signature", 2),
        case("not the proof of an entry", {**good, "proof": "80"}, "malformed", 2),
        case("an answer of another chain", shown(block, 1, receipt=block.receipt(1, other_chain)), "wrong_chain", 2),
        case("an answer under a key that was never shown", signed_by_stranger(STRANGER.public), _UNBELIEVED, 2),
        case("an answer under the runner's key", signed_by_stranger(runner), _UNBELIEVED, 2),
        case("an answer that a stranger signed", signed_by_stranger(recorder), "bad_signature", 2),
        case("an answer by other code", shown(foreign), _UNBELIEVED, 2, named=_NAME),
        case("an answer that is not joined to what was seen", {**good, "consistency": []}, _UNBELIEVED, 2),
        case("an answer of another block of that height", {**good, "consistency": []}, "fork", 2, held=forked),
        case("the void entry beside it", shown(block, 0), _INVALID, 3),
        case("the task's end", shown(end), _INVALID, 3),
        case("another request's entry", shown(refused), _INVALID, 3),
        case("an entry of another kind with a response", shown(as_end), _INVALID, 3, named=_NAME),
        case("an entry without a response", shown(unanswered), _INVALID, 3, named=_NAME),
        case("a response under another key", good, "unopenable", 4, asked=replace(request, response_key=bytes(32))),
        case("a response for another execution", shown(elsewhere), "unopenable", 4, named=_NAME),
        case("a response that differs from what is public", shown(differing), _INVALID, 4, named=_NAME),
        case("carried out when the window had ended", good, _INVALID, 5, asked=ended),
        case("carried out before the window", good, _INVALID, 5, asked=replace(request, not_before_ms=time_ms + 1)),
        case("carried out under a weaker ordering", good, "ordering_unavailable", 5, asked=anchored),
        repetition("an original that is not shown", None, "not_found", 6),
        repetition("another entry than the original", repeated(end, 0), _INVALID, 6),
        repetition("an original that was altered", repeated(writes=bytes(32)), "bad_signature", 6),
        repetition("an original outside the window", repeated(), _INVALID, 6, asked=ended),
    ]  # fmt: skip


def _reads(world: World) -> list[Case]:
    start, block, end = (each.checkpoint for each in world.blocks)

    def case(
        name: str,
        shown: Checkpoint | bytes,
        code: str = "",
        step: int | None = None,
        held: Checkpoint | None = start,
        expires_ms: int = _NOW_MS + 60_000,
        said: str = "",
        **changed: Any,
    ) -> Case:
        encoded = shown if isinstance(shown, bytes) else shown.encode()
        answer = ReadAnswer(said, b"" if said else b"\x80", None, encoded, expires_ms)
        given = {
            **_view(world, held),
            "response_key": RESPONSE_KEY.hex(),
            "answer": SealedReadAnswer.seal(answer, RESPONSE_KEY, b"\x36" * 32).encode().hex(),
            "consistency": [] if isinstance(shown, bytes) else _path(world, held, shown),
        }
        return Case(name, "verify_read_answer", given | changed, code, step)

    def by_stranger(key: bytes) -> Checkpoint:
        return world.blocks[2].resigned(STRANGER, key_id=key_id(key))

    other = world.blocks[2].resigned(block_hash=bytes(32))
    skew = limits.CLOCK_SKEW_MS
    attested = world.node.recorder.attested.signing_key
    sealed = case("", end).given["answer"]
    return [
        case("a read that is answered", end),
        case("a read by a client that has seen nothing yet", end, held=None),
        case("a read that is answered from what was seen", block, held=block),
        case("a read that is refused", end, said="method_unknown"),
        case("a read that has just not expired", end, expires_ms=_NOW_MS - skew),
        case("not a read's answer", end, "malformed", 1, answer="80"),
        case("a read's answer that was altered", end, "unopenable", 1, answer=flip(bytes.fromhex(sealed)).hex()),
        case("another read's answer", end, "unopenable", 1, response_key=bytes(32).hex()),
        case("a read with no checkpoint", b"\x80", "malformed", 2),
        case("a read of another chain", world.blocks[2].resigned(chain_id=bytes(32)), "wrong_chain", 2),
        case("a read under a key that was never shown", by_stranger(STRANGER.public), _UNBELIEVED, 2),
        case("a read that a stranger signed", by_stranger(attested), "bad_signature", 2),
        case("a read from before what was seen", block, "rollback", 2, held=end),
        case("a read of another block of that height", other, "fork", 2, held=end),
        case("a read that is not joined to what was seen", end, _UNBELIEVED, 2, consistency=[]),
        case("a read that has expired", end, _INVALID, 3, expires_ms=_NOW_MS - skew - 1),
    ]  # fmt: skip
