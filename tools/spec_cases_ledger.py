"""The vectors of the ledger: proofs, log, chain."""

from dataclasses import replace
from typing import Any

from adyton.core.crypto import key_id
from adyton.core.merkle import Tree, leaf_hash
from adyton.protocol.ledger import EntryProof, entry_leaf
from tests.unit.attestation.forge import NOW_MS, RECORDER
from tools.spec_case import Case
from tools.spec_world import (
    CHAIN_ID,
    FINGERPRINT,
    GENESIS,
    STRANGER,
    Block,
    World,
)


def proof_cases(world: World) -> list[Case]:
    """Return the vectors of an entry's proof, one for each step at least."""
    block, good = world.blocks[1], world.accepted
    part = good.part()

    def proof(
        name: str, made: EntryProof, refused: str = "", step: int | None = None, **changed: str
    ) -> Case:
        given = {
            "proof": made.encode().hex(),
            "recorder_key": RECORDER.public.hex(),
            "chain_id": CHAIN_ID.hex(),
        }
        return Case(name, "verify_entry_proof", {**given, **changed}, refused, step)

    def under(**facts: Any) -> bytes:
        return block.receipt(1, block.resigned(**facts))

    invalid = "receipt_invalid"
    pretended = block.resigned(STRANGER, key_id=key_id(RECORDER.public))
    first = world.blocks[0].proof(0)
    return [
        proof("an accepted request", good),
        proof("a task's end", world.finished),
        proof("a start", first),
        proof(
            "a receipt with a byte too many",
            replace(good, receipt=good.receipt + b"\x00"),
            "malformed",
            1,
        ),
        proof("a public part that is none", replace(good, public=b"\x80"), "malformed", 1),
        proof(
            "a receipt of another size than its header's",
            replace(good, receipt=block.receipt(1, size=4)),
            "malformed",
            1,
        ),
        proof("another chain", good, "wrong_chain", 2, chain_id="00" * 32),
        proof(
            "a checkpoint of another chain",
            replace(good, receipt=under(chain_id=bytes(32))),
            "wrong_chain",
            2,
        ),
        proof(
            "a checkpoint of another block",
            replace(good, receipt=under(block_hash=bytes(32))),
            invalid,
            3,
        ),
        proof("a checkpoint of another height", replace(good, receipt=under(height=9)), invalid, 3),
        proof("a checkpoint of another time", replace(good, receipt=under(time_ms=1)), invalid, 3),
        proof(
            "another header",
            replace(good, header=replace(good.header, previous=bytes(32))),
            invalid,
            3,
        ),
        proof(
            "another response",
            replace(good, public=replace(part, sealed=b"x").encode()),
            "bad_signature",
            4,
        ),
        proof("another write set", replace(good, writes=bytes(32)), "bad_signature", 4),
        proof(
            "claims that were not there",
            replace(good, public=replace(part, claims=bytes(32)).encode()),
            "bad_signature",
            4,
        ),
        proof(
            "the receipt of the entry before it",
            replace(good, receipt=block.receipt(0)),
            "bad_signature",
            4,
        ),
        proof("a path cut short", replace(good, receipt=block.receipt(1, path=())), invalid, 4),
        proof("another recorder", good, invalid, 4, recorder_key=STRANGER.public.hex()),
        proof(
            "a stranger under the recorder's name",
            replace(good, receipt=block.receipt(1, pretended)),
            "bad_signature",
            4,
        ),
        proof("a place past what the log can hold", replace(first, index=1), invalid, 5),
        proof("another place in its block", replace(good, index=0), invalid, 5),
        proof("a block that begins elsewhere", replace(good, receipt=under(first=0)), invalid, 5),
    ]


def log_cases(world: World) -> list[Case]:
    """Return the vectors of checkpoints and of the log's own proofs."""
    checkpoint = world.blocks[2].checkpoint
    signed = {"checkpoint": checkpoint.encode().hex(), "recorder_key": RECORDER.public.hex()}
    other = replace(checkpoint.message, payload=bytes(32)).encode().hex()
    tree = Tree()
    for number in range(7):
        tree.append(leaf_hash(bytes([number])))
    path = [node.hex() for node in tree.inclusion(4)]
    inclusion = {"leaf": tree.leaf(4).hex(), "index": 4, "size": 7, "path": path}
    consistency: dict[str, Any] = {
        "old": 3,
        "old_root": tree.root(3).hex(),
        "size": 7,
        "root": tree.root().hex(),
        "path": [node.hex() for node in tree.consistency(3)],
    }
    invalid = "receipt_invalid"
    return [
        Case("a checkpoint", "verify_checkpoint", signed),
        Case(
            "a checkpoint over another root",
            "verify_checkpoint",
            {**signed, "checkpoint": other},
            "bad_signature",
        ),
        Case(
            "a checkpoint of another key",
            "verify_checkpoint",
            {**signed, "recorder_key": STRANGER.public.hex()},
            invalid,
        ),
        Case("an inclusion path", "verify_inclusion", inclusion),
        Case(
            "an inclusion path cut short",
            "verify_inclusion",
            {**inclusion, "path": path[1:]},
            invalid,
        ),
        Case("an index outside the tree", "verify_inclusion", {**inclusion, "index": 7}, invalid),
        Case("a consistency proof", "verify_consistency", consistency),
        Case(
            "another old root",
            "verify_consistency",
            {**consistency, "old_root": "00" * 32},
            invalid,
        ),
        Case("a smaller new tree", "verify_consistency", {**consistency, "size": 2}, invalid),
        Case(
            "a consistency proof cut short",
            "verify_consistency",
            {**consistency, "path": consistency["path"][:-1]},
            invalid,
        ),
    ]


def served(block: Block, **changed: Any) -> dict[str, Any]:
    """Return a block as a page of the chain holds it; `changed` replaces its parts."""
    entries = [[public.hex(), writes.hex()] for public, writes in block.entries]
    whole = {
        "header": block.header.encode().hex(),
        "checkpoint": block.checkpoint.encode().hex(),
        "entries": entries,
    }
    return {**whole, **changed}


def chain_cases(world: World) -> list[Case]:
    """Return the vectors of a whole chain, one for each step at least."""
    start, request, end = world.blocks

    def chain(name: str, blocks: list[dict[str, Any]], step: int | None = None) -> Case:
        given = {
            "genesis": GENESIS.encode().hex(),
            "fingerprints": [FINGERPRINT.hex()],
            "now_ms": NOW_MS + 10_000,
            "blocks": blocks,
        }
        return Case(name, "append_blocks", given, "chain_invalid" if step else "", step)

    def second(**changed: Any) -> list[dict[str, Any]]:
        return [served(start), served(request, **changed), served(end)]

    whole = second()
    unknown = request.resigned(STRANGER, key_id=key_id(STRANGER.public)).encode().hex()
    size = request.resigned(size=4).encode().hex()
    begins = request.resigned(first=0).encode().hex()
    foreign = replace(request.header, previous=bytes(32)).encode().hex()
    twice = [served(start), served(request), served(end), served(end)]
    return [
        chain("a chain of three blocks", whole),
        chain("a header that is none", second(header="80"), 1),
        chain("a block left out", [whole[0], whole[2]], 2),
        chain("a link to another block", second(header=foreign), 2),
        chain("the last block again", twice, 2),
        chain("a checkpoint of a log of another size", second(checkpoint=size), 3),
        chain("a checkpoint whose block begins elsewhere", second(checkpoint=begins), 3),
        chain("entries exchanged", second(entries=whole[1]["entries"][::-1]), 4),
        chain("a signer that was not announced", second(checkpoint=unknown), 5),
        chain("an end without its acceptance", [whole[0], *_without_acceptance(world)], 6),
    ]


def _without_acceptance(world: World) -> list[dict[str, Any]]:
    """Return a second block, rightly signed, that ends a task nobody accepted."""
    start, _, end = world.blocks
    part = end.proof(0).part()
    writes = bytes(32)
    tree = Tree()
    tree.append(entry_leaf(start.entries[0][0], start.entries[0][1], None))
    tree.append(entry_leaf(part.encode(), writes, part.claims))
    header = Block.header_after(start, [part.encode()])
    checkpoint = end.resigned(
        root=tree.root(),
        height=2,
        size=2,
        first=1,
        time_ms=header.time_ms,
        block_hash=header.hash(),
    )
    entries = [[part.encode().hex(), writes.hex()]]
    return [
        {
            "header": header.encode().hex(),
            "checkpoint": checkpoint.encode().hex(),
            "entries": entries,
        }
    ]


def ledger_cases(world: World) -> list[Case]:
    """Return the vectors of `ledger.md`."""
    return [*proof_cases(world), *log_cases(world), *chain_cases(world)]
