"""The vectors of tasks and of run certificates."""

from dataclasses import replace
from typing import Any

from adyton.client.certificate import make_certificate
from adyton.core.contexts import Context
from adyton.core.crypto import SivKey
from adyton.protocol.certificate import RunCertificate
from adyton.protocol.claims import TASK_FIELDS, salt
from adyton.protocol.task import Content, Input, SignedFinish, Task, blob_id, seal_blob
from tests.unit.attestation.forge import NOW_MS, RUNNER, make_node
from tools.spec_case import Case, flip
from tools.spec_world import (
    FINGERPRINT,
    GENESIS,
    RESULT_KEY,
    STRANGER,
    TASK,
    Block,
    World,
)

DAY_MS = 86_400_000


def task_cases(world: World) -> list[Case]:
    """Return the vectors of `task.md`."""
    inline = Content(b"x", None)

    def valid(name: str, made: Task, refused: str = "") -> Case:
        return Case(name, "require_valid_task", {"task": made.encode().hex()}, refused)

    cases = [valid("a task", TASK)]
    for name in ("", ".", "..", "out", "a/b", "a\x00b"):
        wrong = replace(TASK, inputs=(Input(name, inline),))
        cases.append(valid(f"an input named {name!r}", wrong, "bad_argument"))
    cases += [
        valid("two files of one name", replace(TASK, file_name="data.csv"), "bad_argument"),
        valid("an argument with NUL", replace(TASK, arguments=("a\x00",)), "bad_argument"),
        valid("a content that is neither", replace(TASK, code=Content(None, None)), "bad_argument"),
    ]
    signed = SignedFinish.decode(world.finished.part().body or b"")
    finish = signed.finish
    altered = replace(signed, finish=replace(finish, attempt=2))
    stranger = replace(signed, finish=replace(finish, runner_key=STRANGER.public))
    result = {
        "what": "result",
        "sealed": (finish.result or b"").hex(),
        "result_key": RESULT_KEY.hex(),
        "exec_id": finish.exec_id.hex(),
        "attempt": 1,
        "runner_key": RUNNER.public.hex(),
    }
    info = {**result, "what": "run_info", "sealed": finish.run_info.hex()}
    commitments = [item.hex() for item in world.commitments(finish.exec_id)]
    opening = {
        "commitments": commitments,
        "field": "stdout",
        "salt": salt(RESULT_KEY, finish.exec_id, "stdout").hex(),
        "value": world.values["stdout"].hex(),
    }
    ref, ciphertext = seal_blob(b"a large content", b"\x37" * 32)
    if ref.id != blob_id(ciphertext) or len(TASK_FIELDS) != len(commitments):
        raise ValueError("the vectors are not of one piece")
    other = SivKey(b"\x37" * 32, Context.KDF_BLOB).seal(b"other content!!", Context.AD_BLOB)
    blob = {"reference": ref.encode().hex(), "blob": ciphertext.hex()}
    return [
        *cases,
        Case("a runner's statement", "verify_finish", {"signed_finish": signed.encode().hex()}),
        Case(
            "with another attempt",
            "verify_finish",
            {"signed_finish": altered.encode().hex()},
            "bad_signature",
        ),
        Case(
            "by another runner",
            "verify_finish",
            {"signed_finish": stranger.encode().hex()},
            "bad_signature",
        ),
        Case("a result", "open_sealed_result", result),
        Case("run information", "open_sealed_result", info),
        Case(
            "a result as run information",
            "open_sealed_result",
            {**result, "what": "run_info"},
            "unopenable",
        ),
        Case(
            "a result under another key",
            "open_sealed_result",
            {**result, "result_key": "00" * 32},
            "unopenable",
        ),
        Case(
            "a result of another execution",
            "open_sealed_result",
            {**result, "exec_id": "00" * 32},
            "unopenable",
        ),
        Case(
            "a result of another attempt",
            "open_sealed_result",
            {**result, "attempt": 2},
            "unopenable",
        ),
        Case(
            "a result of another runner",
            "open_sealed_result",
            {**result, "runner_key": "00" * 32},
            "unopenable",
        ),
        Case("a blob", "open_blob", blob),
        Case(
            "an altered blob", "open_blob", {**blob, "blob": flip(ciphertext).hex()}, "unopenable"
        ),
        Case(
            "a blob of another content",
            "open_blob",
            {**blob, "blob": other.hex()},
            "input_unavailable",
        ),
        Case("an opening", "verify_opening", opening),
        Case(
            "an opening to another value",
            "verify_opening",
            {**opening, "value": "00"},
            "certificate_invalid",
        ),
        Case(
            "an opening with another salt",
            "verify_opening",
            {**opening, "salt": "00" * 32},
            "certificate_invalid",
        ),
        Case(
            "an opening as another field",
            "verify_opening",
            {**opening, "field": "stderr"},
            "certificate_invalid",
        ),
        Case(
            "an opening of no field",
            "verify_opening",
            {**opening, "field": "other"},
            "certificate_invalid",
        ),
    ]


def certificate_cases(world: World) -> list[Case]:
    """Return the vectors of `certificate.md`, one for each step at least."""
    node, now = world.node, NOW_MS + 10_000
    good = make_certificate(
        genesis=GENESIS.encode(),
        evidence=[node.recorder, node.runner],
        accepted=world.accepted,
        finished=world.finished,
        result_key=RESULT_KEY,
        values=world.values,
        show=("code", "stdout", "exit_code"),
    )

    def case(
        name: str,
        made: RunCertificate | bytes,
        refused: str = "",
        step: int | None = None,
        **changed: Any,
    ) -> Case:
        encoded = made if isinstance(made, bytes) else made.encode()
        given = {"certificate": encoded.hex(), "fingerprints": [FINGERPRINT.hex()], "now_ms": now}
        return Case(name, "verify_certificate", {**given, **changed}, refused, step)

    def edit(**fields: Any) -> RunCertificate:
        return replace(good, **fields)

    invalid = "certificate_invalid"
    finished, end = world.finished, world.blocks[2]
    foreign = make_node(recorder_claims={"MEASUREMENT": b"\x4e" * 48}).recorder
    swapped = good.openings[1], good.openings[0], good.openings[2]
    wrong_value = replace(good.openings[1], value=b"other")
    fourth = Block.make(world, end, [end.proof(0).part()], [b"x"])
    bft = replace(
        world.accepted, receipt=world.blocks[1].receipt(1, world.blocks[1].resigned(ordering="bft"))
    )
    later = end.proof(0).part()
    other_task = Block.make(world, fourth, [replace(later, task_hash=bytes(32))], [b"y"])
    other_code = Block.make(world, other_task, [replace(later, measurement=bytes(48))], [b"z"])
    other_end = SignedFinish.sign(replace(world.finish(bytes(32)), exec_id=bytes(32)), RUNNER)
    other_run = Block.make(
        world,
        other_code,
        [replace(later, body=other_end.encode(), claims=other_end.finish.claims)],
        [b"w"],
    )
    return [
        case("a run", good),
        case("a run, nothing opened", edit(openings=())),
        case("a byte too many", good.encode() + b"\x00", "malformed", 1),
        case(
            "another fingerprint is pinned",
            good,
            "fingerprint_mismatch",
            2,
            fingerprints=["00" * 32],
        ),
        case("no fingerprint is pinned", good, "not_trusted", 2, fingerprints=[]),
        case(
            "the simulated platform is not allowed",
            good,
            "simulated_refused",
            3,
            allow_simulated=False,
        ),
        case(
            "a stronger ordering is wanted", good, "ordering_unavailable", 3, least_ordering="bft"
        ),
        case("evidence of one key is missing", edit(evidence=good.evidence[:1]), invalid, 4),
        case("evidence twice", edit(evidence=(*good.evidence, good.evidence[0])), invalid, 4),
        case("evidence in another order", edit(evidence=good.evidence[::-1]), invalid, 4),
        case(
            "evidence of other code",
            edit(evidence=(foreign, good.evidence[1])),
            "evidence_measurement",
            4,
        ),
        case(
            "another entry as the acceptance", edit(accepted=world.blocks[1].proof(0)), invalid, 5
        ),
        case(
            "an altered acceptance",
            edit(accepted=replace(world.accepted, writes=bytes(32))),
            "bad_signature",
            5,
        ),
        case("a checkpoint of another ordering", edit(accepted=bft), invalid, 5),
        case(
            "an altered end", edit(finished=replace(finished, writes=bytes(32))), "bad_signature", 6
        ),
        case(
            "another place of the end",
            edit(finished=replace(finished, index=1)),
            "receipt_invalid",
            6,
        ),
        case("an end of another task", edit(finished=other_task.proof(0)), invalid, 7),
        case("an end by other code", edit(finished=other_code.proof(0)), invalid, 7),
        case("an end of another execution", edit(finished=other_run.proof(0)), invalid, 8),
        case(
            "a commitment exchanged",
            edit(commitments=(bytes(32), *good.commitments[1:])),
            invalid,
            9,
        ),
        case("a commitment left out", edit(commitments=good.commitments[:-1]), invalid, 9),
        case(
            "an opening that does not fit",
            edit(openings=(good.openings[0], wrong_value)),
            invalid,
            10,
        ),
        case("openings out of order", edit(openings=swapped), invalid, 10),
        case("an opening twice", edit(openings=(good.openings[0], good.openings[0])), invalid, 10),
        case("old evidence", good, "evidence_stale", 11, max_evidence_age_ms=0),
        case("old evidence that is allowed", good, max_evidence_age_ms=0, allow_stale=True),
        case("from the future", good, "evidence_stale", 4, now_ms=NOW_MS - DAY_MS),
    ]
