"""The vectors of a notary's receipt."""

from dataclasses import replace
from typing import Any

from adyton.client.notary import NotaryReceipt
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.protocol.claims import NOTARY_FIELDS, claims_digest, commit, content_digest, salt
from tests.unit.attestation.forge import NOW_MS, make_node
from tools.spec_case import Case
from tools.spec_world import FINGERPRINT, GENESIS, RESULT_KEY, Block, World

_CONTENT = b"we agree\n"
_INVALID = "receipt_invalid"


def notary_cases(world: World) -> list[Case]:
    """Return the vectors, one for each step at least."""
    last = world.blocks[2]
    block = _notarized(world, last)
    exec_id = block.header.exec_id(0, 0)
    (field,) = NOTARY_FIELDS
    good = NotaryReceipt(
        GENESIS.encode(),
        world.node.recorder,
        block.proof(0),
        content_digest(_CONTENT),
        salt(RESULT_KEY, exec_id, field),
    )
    refused = _notarized(world, block, code="method_unknown", claims=None)
    other_code = _notarized(world, refused, measurement=bytes(48))
    foreign = make_node(recorder_claims={"MEASUREMENT": b"\x4e" * 48}).recorder

    def case(
        name: str,
        made: NotaryReceipt | bytes,
        code: str = "",
        step: int | None = None,
        **changed: Any,
    ) -> Case:
        encoded = made if isinstance(made, bytes) else made.encode()
        given: dict[str, Any] = {
            "receipt": encoded.hex(),
            "content": _CONTENT.hex(),
            "fingerprints": [FINGERPRINT.hex()],
            "now_ms": NOW_MS + 20_000,
        }
        return Case(name, "verify_notary_receipt", given | changed, code, step)

    return [
        case("a receipt", good),
        case("a receipt without its content", good, content=None),
        case("a receipt and a byte", good.encode() + b"\x00", "malformed", 1),
        case("a receipt under another fingerprint", good, "fingerprint_mismatch", 2, fingerprints=["00" * 32]),
        case("a receipt of a platform that is not allowed", good, "simulated_refused", 2, allow_simulated=False),
        case("a receipt of a weaker ordering", good, "ordering_unavailable", 2, least_ordering="bft"),
        case("evidence of the runner", replace(good, recorder=world.node.runner), "evidence_binding", 3),
        case("a recorder of other code", replace(good, recorder=foreign), "evidence_measurement", 3),
        case("an end in the place of the entry", replace(good, proof=last.proof(0)), "certificate_invalid", 4),
        case("an altered entry", replace(good, proof=replace(good.proof, writes=bytes(32))), "bad_signature", 4),
        case("an entry by other code", replace(good, proof=other_code.proof(0)), "certificate_invalid", 4),
        case("a request that was refused", replace(good, proof=refused.proof(0)), _INVALID, 4),
        case("another salt", replace(good, salt=bytes(32)), _INVALID, 5),
        case("another digest", replace(good, digest=bytes(32)), _INVALID, 5),
        case("another content", good, _INVALID, 5, content=b"we do not agree\n".hex()),
        case("evidence that was too old", good, "evidence_stale", 6, max_evidence_age_ms=0),
        case("older evidence that is allowed", good, max_evidence_age_ms=0, allow_stale=True),
    ]  # fmt: skip


def _notarized(world: World, last: Block, **changed: Any) -> Block:
    """Return a block after `last` with one notary request in it; `changed` replaces fields of its public part."""
    transactions = [digest(Context.CONTENT, *[f"{name}".encode() for name in changed])]
    exec_id = Block.header_after(last, transactions).exec_id(0, 0)
    values = {"file": content_digest(_CONTENT)}
    claims = claims_digest(commit(NOTARY_FIELDS, values, RESULT_KEY, exec_id))
    part = world.part("request", task_hash=b"\x77" * 32, claims=claims, sealed=bytes(272))
    return Block.make(world, last, [replace(part, **changed)], transactions)
