"""The vectors of heads and conflicts: proof, report, and what accuses nobody."""

from dataclasses import replace
from typing import Any

from adyton.client.chain_head import head_text
from adyton.client.conflict import make_conflict
from adyton.core.crypto import key_id
from adyton.core.merkle import Tree, leaf_hash
from adyton.protocol.conflict import ChainConflict, ChainHead
from adyton.protocol.ledger import Checkpoint
from tests.unit.attestation.forge import NOW_MS, RECORDER, RUNNER
from tools.spec_case import Case, flip
from tools.spec_world import CHAIN_ID, FINGERPRINT, GENESIS, STRANGER, World

SEEN_MS = NOW_MS + 5_000


def _other_log() -> Tree:
    """Return a log of five entries that are none of the history's."""
    tree = Tree()
    for number in range(5):
        tree.append(leaf_hash(bytes([number])))
    return tree


def conflict_cases(world: World) -> list[Case]:
    """Return the vectors of `conflict.md`, one for each step at least."""
    return [*_conflicts(world), *_heads(world)]


def _conflicts(world: World) -> list[Case]:
    start, request, end = (block.checkpoint for block in world.blocks)
    bundle, other_log = world.node.recorder, _other_log()

    def made(held: Checkpoint, shown: Checkpoint, report: str = "fork", **named: Any) -> Any:
        return make_conflict(
            genesis=GENESIS.encode(),
            evidence=[bundle],
            held=held,
            shown=shown,
            report=report,
            seen_ms=SEEN_MS,
            **named,
        )

    def case(
        name: str,
        conflict: ChainConflict | bytes,
        refused: str = "",
        step: int | None = None,
        **changed: Any,
    ) -> Case:
        encoded = conflict if isinstance(conflict, bytes) else conflict.encode()
        given = {
            "conflict": encoded.hex(),
            "fingerprints": [FINGERPRINT.hex()],
            "now_ms": NOW_MS + 10_000,
            **changed,
        }
        return Case(name, "verify_conflict", given, refused, step)

    other = world.blocks[1].resigned(block_hash=bytes(32))
    later = world.blocks[1].resigned(time_ms=end.facts.time_ms + 1, height=2)
    future = world.blocks[1].resigned(time_ms=NOW_MS + 10_000_000)
    forked = world.blocks[2].resigned(
        root=other_log.root(), size=5, first=4, height=4, block_hash=bytes(32)
    )
    path = tuple(other_log.consistency(3))
    fork = made(request, other)
    prefix = made(request, forked, path=path)
    pretended = world.blocks[1].resigned(
        STRANGER, key_id=key_id(RECORDER.public), block_hash=bytes(32)
    )
    foreign = world.blocks[1].resigned(chain_id=bytes(32))
    levelled = world.blocks[1].resigned(ordering="bft")
    as_runner = world.blocks[1].resigned(RUNNER, key_id=key_id(RUNNER.public))
    runner = replace(fork, shown=as_runner.encode(), evidence=(bundle, world.node.runner))
    invalid = "conflict_invalid"
    return [
        case("two blocks of one height", fork),
        case("a later block with an earlier time", made(end, later)),
        case("a larger log that begins otherwise", prefix),
        case("a rollback, reported", made(end, request, "rollback")),
        case("no proof that joins, reported", made(start, end)),
        case("a byte too many", fork.encode() + b"\x00", "malformed", 1),
        case("a checkpoint that is none", replace(fork, shown=b"\x80"), "malformed", 1),
        case("another server", fork, "fingerprint_mismatch", 2, fingerprints=["00" * 32]),
        case("a simulated platform", fork, "simulated_refused", 2, allow_simulated=False),
        case("a weaker ordering", fork, "ordering_unavailable", 2, least_ordering="anchored"),
        case("no evidence", replace(fork, evidence=()), invalid, 3),
        case("evidence twice", replace(fork, evidence=(bundle, bundle)), invalid, 3),
        case("the runner as a recorder", runner, "evidence_binding", 3),
        case(
            "evidence that was altered",
            replace(fork, evidence=(replace(bundle, nonce=flip(bundle.nonce)),)),
            "evidence_binding",
            3,
        ),
        case("a stranger's signature", replace(fork, shown=pretended.encode()), "bad_signature", 4),
        case("a checkpoint of another chain", replace(fork, shown=foreign.encode()), invalid, 4),
        case("another ordering", replace(fork, shown=levelled.encode()), invalid, 4),
        case("one checkpoint twice", replace(fork, shown=fork.held), invalid, 5),
        case("a rollback to what is newer", made(request, end, "rollback"), invalid, 5),
        case("nodes cut short", replace(prefix, nodes=path[:-1]), invalid, 6),
        case(
            "nodes that join",
            replace(made(request, end), nodes=tuple(world.tree.consistency(3, 4))),
            invalid,
            6,
        ),
        case("old evidence", fork, "evidence_stale", 7, max_evidence_age_ms=0),
        case("a block from the future", made(request, future), invalid, 7),
    ]


def _heads(world: World) -> list[Case]:
    checkpoint, bundle = world.blocks[2].checkpoint, world.node.recorder
    given = {"genesis": GENESIS.encode().hex(), "now_ms": NOW_MS + 10_000}
    text = head_text(ChainHead(checkpoint.encode(), bundle))

    def case(name: str, text: str, refused: str = "") -> Case:
        return Case(name, "verify_head", {"head": text, **given}, refused)

    foreign = world.blocks[2].resigned(chain_id=bytes(32))
    stranger = world.blocks[2].resigned(STRANGER, key_id=key_id(RECORDER.public))
    broken = "\n".join(text[at : at + 72] for at in range(0, len(text), 72))
    if checkpoint.facts.chain_id != CHAIN_ID:
        raise ValueError("the vectors are not of one piece")
    return [
        case("a head", text),
        case("a head that mail has broken", broken),
        case("a head with padding", text + "=", "malformed"),
        case("a head without its prefix", text.partition(":")[2], "malformed"),
        case("a head cut short", text[:-4], "malformed"),
        case(
            "a head of another chain",
            head_text(ChainHead(foreign.encode(), bundle)),
            "wrong_chain",
        ),
        case(
            "a head signed by a stranger",
            head_text(ChainHead(stranger.encode(), bundle)),
            "bad_signature",
        ),
        case(
            "a head of a key that is not known",
            head_text(ChainHead(checkpoint.encode(), None)),
            "receipt_invalid",
        ),
    ]
