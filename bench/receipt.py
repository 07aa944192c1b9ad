"""A receipt from a log of a million entries: its size, and the time of its offline check."""

from __future__ import annotations

import secrets
from hashlib import sha256

from adyton.core.contexts import Context
from adyton.core.cose import InclusionProof, make_receipt
from adyton.core.crypto import SigningKey, digest, key_id
from adyton.core.merkle import Tree
from adyton.protocol.envelope import Response
from adyton.protocol.ledger import (
    BlockHeader,
    Checkpoint,
    CheckpointFacts,
    EntryProof,
    PublicPart,
    data_hash,
    entry_leaf,
)
from bench import floors
from bench.figure import Figure, Floor, Goal
from bench.plan import Plan
from bench.summary import Summary, times

_CHECKS = 400
_MS = 1000
_NODE = 32


def measure(plan: Plan) -> list[Figure]:
    """Measure the receipt of an entry in the middle of a synthetic log."""
    key = SigningKey(secrets.token_bytes(32))
    chain_id = secrets.token_bytes(32)
    encoded = make(plan.entries, key, chain_id)
    proof = EntryProof.decode(encoded)
    checks = Summary.of(
        times(lambda: EntryProof.decode(encoded).verify(key.public, chain_id), _CHECKS)
    )
    path = 2 * _NODE + _NODE * (plan.entries - 1).bit_length()
    return [
        Figure(
            f"receipt at {plan.entries:,} entries", len(proof.receipt), "B", Goal(1024),
            Floor(path, "a signature and the nodes of the path"),
            f"the whole entry's proof, with its public part: {len(encoded)} B",
        ),
        Figure(
            "offline check of an entry, p50", _MS * checks.p50, "ms", Goal(1),
            Floor(_MS * floors.check_s(), "one Ed25519 verification and 20 SHA-256"),
            f"from bytes: decoded, receipt and all; p99 {_MS * checks.p99:.3f} ms",
        ),
    ]  # fmt: skip


def make(entries: int, key: SigningKey, chain_id: bytes) -> bytes:
    """Return the proof of a notary entry in the middle of a log of so many entries."""
    response = Response("", b"", bytes(64), None).seal(secrets.token_bytes(32), bytes(32))
    part = PublicPart(
        "request",
        secrets.token_bytes(32),
        "",
        0,
        bytes(48),
        secrets.token_bytes(32),
        response,
        None,
    )
    public, writes = part.encode(), secrets.token_bytes(32)
    place = entries // 2
    tree = Tree()
    for number in range(entries):
        known = number != place
        leaf = sha256(number.to_bytes(8, "big")).digest()
        tree.append(leaf if known else entry_leaf(public, writes, part.claims))
    header = BlockHeader(
        chain_id, 20_000, 1_800_000_000_000, bytes(32), data_hash([b""]), bytes(32)
    )
    facts = CheckpointFacts(
        key_id(key.public),
        chain_id,
        header.height,
        entries,
        place,
        header.time_ms,
        digest(Context.STATE_BUCKET),
        header.hash(),
        0,
        "single-host",
        "host",
    )
    checkpoint = Checkpoint.sign(facts, tree.root(), key)
    path = tuple(tree.inclusion(place, entries))
    receipt = make_receipt(checkpoint.message, InclusionProof(entries, place, path))
    return EntryProof(header, 0, public, writes, receipt).encode()
