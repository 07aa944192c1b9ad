"""Conflicts: two signed checkpoints that do not go together, in one file that anybody can judge.

Made by the client that was shown both; verified by whoever is told of it, offline.
"""

from __future__ import annotations

from collections.abc import Iterable

from adyton.client.certificate import (
    CertificatePolicy,
    require_accepted,
    require_age,
    require_pinned,
)
from adyton.client.checkpoint_order import by_order, contradiction, divergence, same_block
from adyton.client.conflict_verdict import ConflictVerdict
from adyton.client.evidence_of_record import KeyOfRecord, appraise_of_record
from adyton.core import limits
from adyton.core.crypto import key_id
from adyton.core.errors import UsageError, VerificationError
from adyton.protocol.conflict import ChainConflict
from adyton.protocol.evidence import EvidenceBundle
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import Checkpoint


def make_conflict(
    *,
    genesis: bytes,
    evidence: Iterable[EvidenceBundle],
    held: Checkpoint,
    shown: Checkpoint,
    path: tuple[bytes, ...] = (),
    report: str,
    seen_ms: int,
) -> ChainConflict:
    """Return the file that says what was seen, with as much proof as there is.

    Trust: runs in the client; it has verified both checkpoints under keys that it appraised.

    Args:
        genesis: encoded genesis of the chain.
        evidence: of recorder keys; of each key that signed, the first that fits is taken.
        held: seen first.
        shown: what does not go with it.
        path: what the server gave to join both; kept where it shows that they are not one.
        report: `fork` or `rollback`.
        seen_ms: client's clock.

    Raises:
        UsageError: the evidence of a key is missing.
    """
    bundles: dict[bytes, EvidenceBundle] = {}
    for bundle in evidence:
        bundles.setdefault(key_id(bundle.attested.signing_key), bundle)
    used = []
    for name in _signers(held, shown):
        found = bundles.get(name)
        if found is None:
            raise UsageError("bad_argument", "the evidence of a recorder key is missing")
        used.append(found)
    nodes: tuple[bytes, ...] = ()
    if not contradiction(held, shown):
        nodes = proving_nodes(held, shown, path)
    return ChainConflict(
        genesis, tuple(used), held.encode(), shown.encode(), nodes, report, seen_ms
    )


def proving_nodes(
    one: Checkpoint, other: Checkpoint, path: tuple[bytes, ...], more: tuple[bytes, ...] = ()
) -> tuple[bytes, ...]:
    """Return the nodes that show that the larger log does not begin with the smaller, or nothing.

    Args:
        path: the consistency proof that was given between the sizes.
        more: any other proof of the larger log, in which the root may lie that `path` leaves out.
    """
    # Where the smaller size is a power of two, a proof does not hold that tree's root: some other
    # proof of the same log does.
    for start in ((), *((node,) for node in (*path, *more))):
        if divergence(one, other, (*start, *path)):
            return (*start, *path)
    return ()


def verify_conflict(
    unverified: bytes, *, policy: CertificatePolicy, now_ms: int
) -> ConflictVerdict:
    """Verify a conflict and return what it means: proof of two histories, or only a report.

    Trust: runs at whoever is told; the bytes come from anybody, and may accuse an honest server.

    Steps, as in `docs/spec/conflict.md`:
      1. the bytes are the one encoding of a conflict, genesis and both checkpoints have theirs;
      2. genesis has a fingerprint that the policy pins, and a platform and ordering that it
         accepts;
      3. evidence is of exactly the recorder keys that signed, each once, in the order of first
         use, and each is appraised;
      4. both checkpoints are signed, of this chain, and under the ordering and time source of
         genesis;
      5. they are not one and the same, and one that was shown in a rollback is the smaller;
      6. nodes, where there are any, show that the larger log does not begin with the smaller;
      7. no key was used longer after its evidence was made than the policy allows; nothing is of
         the future.

    Args:
        unverified: the file.
        policy: what the reader demands.
        now_ms: verification time.

    Raises:
        MalformedError: step 1. PolicyError: step 2 or 7. VerificationError: any other step.
    """
    # 1
    conflict = ChainConflict.decode(unverified)
    held, shown = Checkpoint.decode(conflict.held), Checkpoint.decode(conflict.shown)
    # 2
    genesis, pinned = require_pinned(conflict.genesis, policy)
    require_accepted(genesis, policy)
    # 3
    listed = [key_id(bundle.attested.signing_key) for bundle in conflict.evidence]
    if listed != _signers(held, shown):
        raise _invalid("the evidence is not of exactly the keys that signed")
    keys = {
        name: appraise_of_record(
            bundle,
            genesis,
            role="recorder",
            allow_simulated=policy.allow_simulated,
            now_ms=now_ms,
        )
        for name, bundle in zip(listed, conflict.evidence, strict=True)
    }
    # 4
    for checkpoint in (held, shown):
        _require_signed(checkpoint, genesis, keys[checkpoint.facts.key_id])
    # 5
    if same_block(held, shown):
        raise _invalid("both checkpoints say the same")
    if conflict.report == "rollback" and by_order(held, shown)[0] is not shown:
        raise _invalid("what was shown is not older than what was held")
    # 6
    proof = contradiction(held, shown)
    if conflict.nodes:
        proof = divergence(held, shown, conflict.nodes)
        if not proof:
            raise _invalid("the nodes do not show that the larger log begins otherwise")
    # 7
    if max(held.facts.time_ms, shown.facts.time_ms) > now_ms + limits.CLOCK_SKEW_MS:
        raise _invalid("a block is from the future")
    stale_ms = max(
        require_age(keys[checkpoint.facts.key_id], checkpoint, policy, now_ms)
        for checkpoint in (held, shown)
    )
    return ConflictVerdict(
        fingerprint=pinned,
        chain_id=genesis.chain_id(),
        platform=genesis.configuration.platform,
        hardware_rooted=all(key.hardware_rooted for key in keys.values()),
        stale_ms=stale_ms,
        held=held,
        shown=shown,
        proof=proof,
        report=conflict.report,
        seen_ms=conflict.seen_ms,
    )


def _signers(held: Checkpoint, shown: Checkpoint) -> list[bytes]:
    return list(dict.fromkeys((held.facts.key_id, shown.facts.key_id)))


def _require_signed(checkpoint: Checkpoint, genesis: Genesis, key: KeyOfRecord) -> None:
    facts, fixed = checkpoint.facts, genesis.configuration
    checkpoint.verify(key.public)
    if facts.chain_id != genesis.chain_id():
        raise _invalid("a checkpoint is of another chain")
    if (facts.ordering, facts.time_source) != (fixed.ordering, fixed.time_source):
        raise _invalid("a checkpoint names another ordering or time source than genesis")


def _invalid(reason: str) -> VerificationError:
    return VerificationError("conflict_invalid", reason)
