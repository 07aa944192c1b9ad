"""The vectors of what a client believes of the end of a task."""

from dataclasses import replace
from typing import Any

from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, digest
from adyton.protocol.claims import TASK_FIELDS, claims_digest, commit
from adyton.protocol.task import (
    Content,
    Finish,
    RunInfo,
    SignedFinish,
    TaskResult,
    blob_id,
    seal_result,
    seal_run_info,
)
from adyton.protocol.task_claims import task_claim_values
from tests.unit.attestation.forge import NOW_MS, RUNNER
from tools.spec_case import Case, flip
from tools.spec_world import FINGERPRINT, RESULT_KEY, STRANGER, TASK, Block, World

_INVALID = "answer_invalid"
_ZERO = bytes(32)


def end_cases(shared: World) -> list[Case]:
    """Return the vectors, one for each step at least."""
    # A log of its own: what is appended here is in no other chapter's tree.
    return _Ends(World(shared.once)).cases()


class _Ends:
    """Ends of the history's one task, each right but for what is said."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.last = world.blocks[2]
        self.exec_id = world.accepted.exec_id()

    def stated(
        self,
        outcome: TaskResult = World.result,
        run: RunInfo = World.run_info,
        runner: SigningKey = RUNNER,
        **changed: Any,
    ) -> Finish:
        """Return a statement of this outcome, its claims right; `changed` replaces its fields."""
        under = RESULT_KEY, self.exec_id, 1, runner.public
        sealed = seal_result(outcome.encode(), *under)
        values = task_claim_values(
            code=TASK.code.inline or b"",
            inputs=[(one.name, one.content.inline or b"") for one in TASK.inputs],
            arguments=TASK.arguments,
            stdin=b"",
            limits=TASK.limits,
            result=outcome,
            run_info=run,
        )
        made = replace(
            self.world.finish(self.exec_id),
            runner_key=runner.public,
            result=sealed,
            result_size=len(sealed),
            run_info=seal_run_info(run.encode(), *under),
            claims=claims_digest(commit(TASK_FIELDS, values, RESULT_KEY, self.exec_id)),
        )
        return replace(made, **changed)

    def recorded(self, finish: Finish, key: SigningKey = RUNNER, **changed: Any) -> Block:
        """Return a block with this end; `changed` replaces fields of its public part."""
        body = SignedFinish.sign(finish, key).encode()
        part = self.world.part(
            "finish", task_hash=self.world.task_hash, claims=finish.claims, body=body
        )
        transactions = [digest(Context.CONTENT, self.last.header.hash())]
        self.last = Block.make(self.world, self.last, [replace(part, **changed)], transactions)
        return self.last

    def case(
        self,
        name: str,
        end: Finish | Block,
        code: str = "",
        step: int | None = None,
        **changed: Any,
    ) -> Case:
        """Return a vector; `changed` replaces what is given."""
        world = self.world
        block = self.recorded(end) if isinstance(end, Finish) else end
        given = {
            "fingerprint": FINGERPRINT.hex(),
            "node": world.node.encode().hex(),
            "held": None,
            "now_ms": NOW_MS + 100_000,
            "task_hash": world.task_hash.hex(),
            "ordering": "single-host",
            "result_key": RESULT_KEY.hex(),
            "task": TASK.encode().hex(),
            "accepted": world.accepted.encode().hex(),
            "finished": block.proof(0).encode().hex(),
            "blob": None,
        }
        return Case(name, "verify_end", given | changed, code, step)

    def cases(self) -> list[Case]:
        """Return all vectors."""
        world, case, stated, recorded = self.world, self.case, self.stated, self.recorded
        good, result, info = stated(), world.result, world.run_info
        sealed = good.result or b""
        large = replace(good, result=None, result_blob=blob_id(sealed))
        other_code = replace(TASK, code=Content(b"print(43)\n", None)).encode().hex()
        unsigned = SignedFinish(good, STRANGER.sign(Context.SIGN_FINISH, good.encode())).encode()
        less = replace(info, limits=replace(info.limits, wall_s=9))
        by_stranger = recorded(stated(runner=STRANGER), STRANGER)
        again = recorded(good)
        forged = stated(replace(result, stdout=b"43\n"), claims=good.claims)
        request, end = world.accepted.part(), again.proof(0).part()
        accepted = Block.make(world, again, [request], [b"later"])
        both = self.last = Block.make(world, accepted, [request, end], [b"a", b"b"])
        # Logs that no recorder keeps: a higher block with fewer entries, or as many, and one as high with more.
        start = world.blocks[0]
        larger, as_high = (Block.make(world, start, [part], [b"x"]) for part in (request, end))
        other, void = World(world.once), world.part("void")
        first = Block.make(other, None, [start.proof(0).part()], [b"start"])
        as_large = Block.make(other, first, [void, void, request], [b"a", b"b", b"c"])

        def encoded(block: Block, entry: int = 0) -> str:
            return block.proof(entry).encode().hex()

        in_one = {"accepted": encoded(both), "finished": encoded(both, 1)}
        return [
            case("the end of a task", world.blocks[2]),
            case("the end of a task whose result is a blob", large, blob=sealed.hex()),
            case("the end of a task that is not known any more", again, task=None),
            case("the acceptance shown as the end", accepted, _INVALID, 1),
            case("the end of another task", recorded(good, task_hash=_ZERO), _INVALID, 1),
            case("an end without a statement", recorded(good, body=None), _INVALID, 1),
            case("a request with the statement of an end", recorded(good, kind="request"), _INVALID, 1),
            case("an end before the acceptance", again, _INVALID, 1, accepted=encoded(accepted)),
            case("an end in the block of the acceptance", both, _INVALID, 1, **in_one),
            case("an end in a smaller log", world.blocks[2], _INVALID, 1, accepted=encoded(larger)),
            case("an end in a log of the same size", world.blocks[2], _INVALID, 1, accepted=encoded(as_large, 2)),
            case("an end in a block of the same height", as_high, _INVALID, 1),
            case("a statement in another form", recorded(good, body=b"\x80"), "malformed", 2),
            case("a statement that another key signed", recorded(good, body=unsigned), "bad_signature", 2),
            case("a statement of another chain", stated(chain_id=_ZERO), _INVALID, 3),
            case("a statement of another task", stated(task_hash=_ZERO), _INVALID, 3),
            case("a statement of another execution", stated(exec_id=_ZERO), _INVALID, 3),
            case("claims that the ledger does not show", recorded(good, claims=_ZERO), _INVALID, 4),
            case("no claims in the ledger", recorded(good, claims=None), _INVALID, 4),
            case("a runner that was never attested", by_stranger, "receipt_invalid", 5),
            case("an end under a weaker ordering", again, "ordering_unavailable", 6, ordering="anchored"),
            case("a result and a blob", stated(result_blob=blob_id(sealed)), _INVALID, 7),
            case("neither result nor blob", replace(good, result=None), _INVALID, 7),
            case("another blob than the one named", large, _INVALID, 7, blob=flip(sealed).hex()),
            case("a result of another size", stated(result_size=len(sealed) + 1), _INVALID, 7),
            case("the result of another request", again, "unopenable", 7, result_key=_ZERO.hex()),
            case("the result of another attempt", stated(attempt=2), "unopenable", 7),
            case("run information that was altered", stated(run_info=flip(good.run_info)), "unopenable", 7),
            case("run information of another exit", stated(run=replace(info, exit_code=1)), _INVALID, 8),
            case("run information of another attempt", stated(run=replace(info, attempt=2)), _INVALID, 8),
            case("run information of other code", stated(run=replace(info, measurement=bytes(48))), _INVALID, 8),
            case("run information of another epoch", stated(run=replace(info, epoch=1)), _INVALID, 8),
            case("a statement of another epoch", stated(epoch=1), _INVALID, 8),
            case("a run under other limits", stated(run=less), _INVALID, 9),
            case("a run of other code than was submitted", again, _INVALID, 9, task=other_code),
            case("a result that was not claimed", forged, _INVALID, 9),
        ]  # fmt: skip
