"""The vectors of receipts of verdicts: what a reader believes of them, and what of none."""

from dataclasses import replace
from typing import Any

from adyton.client.identity_age import policy_cutoff
from adyton.client.identity_receipt import IdentityReceipt
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.enclave.range_prover import RangeProver
from adyton.protocol.certificate import Opening
from adyton.protocol.claims import IDENTITY_FIELDS, claims_digest, commit, salt
from adyton.protocol.credentials.range_proof import RangeProof, Statement
from adyton.protocol.identity.record import proof_bound
from adyton.protocol.identity.registries import PolicyRecord
from tests.unit.attestation.forge import NOW_MS, make_node
from tools.spec_case import Case
from tools.spec_world import FINGERPRINT, GENESIS, RESULT_KEY, Block, World

_SECRET = b"\x7a" * 32
_PARTY = b"\x74" * 32
_POLICY = PolicyRecord(
    b"\x71" * 32, bytes(16), _PARTY, "Adults", 18, ("urn:eudi:pid:1",), (b"\x75" * 32,), (), "1mar",
    900, 60, 600, True, True, "", True, "single-host", 1,
)  # fmt: skip
_INVALID, _FALSE = "receipt_invalid", "certificate_invalid"


def verdict_cases(world: World) -> list[Case]:
    """Return the vectors."""
    foreign = make_node(recorder_claims={"MEASUREMENT": b"\x4e" * 48}).recorder
    good = _receipt(world)
    no = _receipt(world, answer=b"no", reason=b"revoked", range=b"")
    openings = good.openings
    party = openings[0]
    proof = openings[-1]
    older = replace(_POLICY, age_over=21)

    def case(
        name: str,
        made: IdentityReceipt | bytes,
        code: str = "",
        step: int | None = None,
        **more: Any,
    ) -> Case:
        encoded = made if isinstance(made, bytes) else made.encode()
        given: dict[str, Any] = {
            "receipt": encoded.hex(),
            "fingerprints": [FINGERPRINT.hex()],
            "now_ms": NOW_MS + 20_000,
        }
        return Case(name, "verify_identity_receipt", given | more, code, step)

    def opened(*fields: str) -> IdentityReceipt:
        shown = tuple(one for one in openings if one.field in fields)
        return replace(good, openings=shown, policy=good.policy if "policy" in fields else b"")

    def lying(name: str, step: int = 7, code: str = _INVALID, **values: bytes) -> Case:
        return case(name, _receipt(world, **values), code, step)

    def otherwise(field: str, value: bytes) -> tuple[Opening, ...]:
        return tuple(replace(one, value=value) if one.field == field else one for one in openings)

    return [
        case("a receipt of a yes with a proof", good),
        case("a receipt of a yes that opens the answer alone", opened("answer")),
        case("a receipt of a yes that opens nothing", opened()),
        case("a receipt of a yes that opens the proof alone", opened("range")),
        case("a receipt of a no", no),
        case("a receipt of a refusal", _receipt(world, **_REFUSAL)),
        case("a receipt of a verdict and a byte", good.encode() + b"\x00", "malformed", 1),
        case("a verdict under another fingerprint", good, "fingerprint_mismatch", 2, fingerprints=["00" * 32]),
        case("a verdict with a recorder of other code", replace(good, recorder=foreign), "evidence_measurement", 3),
        case("an end in the place of the verdict", replace(good, proof=world.blocks[2].proof(0)), _FALSE, 4),
        case("other commitments of a verdict",
             replace(good, commitments=(bytes(32), *good.commitments[1:])), _INVALID, 5),
        case("another party than was asked for", replace(good, openings=otherwise("party", bytes(32))), _FALSE, 6),
        case("fields of a verdict out of order", replace(good, openings=(*openings[1:], party)), _INVALID, 6),
        lying("neither yes nor no", answer=b"maybe"),
        lying("a yes with a reason", reason=b"policy"),
        lying("a no without a reason", answer=b"no", range=b""),
        lying("a no with a reason that is none", answer=b"no", reason=b"late", range=b""),
        lying("a no with a pseudonym", answer=b"no", reason=b"policy", range=b"", pseudonym=b"\x77" * 32),
        lying("a no with a proof", answer=b"no", reason=b"policy"),
        lying("another epoch than the entry's", epoch=b"1"),
        lying("a policy of another party", party=bytes(32)),
        case("another policy than was asked by", replace(good, policy=older.encode()), _INVALID, 7),
        case("a policy whose hash is not opened",
             replace(good, openings=tuple(one for one in openings if one.field != "policy")), _INVALID, 7),
        lying("a proof that is none", 8, "malformed", range=b"\x80"),
        lying("a proof about another day", 8, "range_proof_invalid", day=b"1"),
        lying("a proof with another header", 8, "range_proof_invalid", header=b"1"),
        lying("a proof of another verdict", 8, "range_proof_invalid", bound=b"1"),
        lying("a proof that does not hold", 8, "range_proof_invalid", broken=b"1"),
        case("a verdict with evidence that was too old", good, "evidence_stale", 9, max_evidence_age_ms=0),
        case("a yes whose proof is closed", replace(good, openings=tuple(one for one in openings if one != proof))),
    ]  # fmt: skip


_REFUSAL = dict.fromkeys(IDENTITY_FIELDS, b"") | {"reason": b"deadline_passed"}


def _receipt(world: World, **changed: bytes) -> IdentityReceipt:
    """Return a receipt that opens all of a verdict: yes with a proof, but for what is changed of it."""
    last = world.blocks[2]
    transactions = [
        digest(Context.CONTENT, b"verdict", *sorted(map(str.encode, changed)), *changed.values())
    ]
    header = Block.header_after(last, transactions)
    exec_id = header.exec_id(0, 0)
    values = {
        "party": _PARTY, "request": b"\x78" * 32, "policy": _POLICY.hash(), "epoch": b"0",
        "answer": b"yes", "reason": b"", "pseudonym": b"", "range": b"",
    }  # fmt: skip
    values |= {name: value for name, value in changed.items() if name in values}
    if "range" not in changed:
        made = commit(IDENTITY_FIELDS, values, RESULT_KEY, exec_id)
        values["range"] = _proof(proof_bound(made, exec_id), header.time_ms, changed)
    made = commit(IDENTITY_FIELDS, values, RESULT_KEY, exec_id)
    part = world.part(
        "request", task_hash=b"\x79" * 32, claims=claims_digest(made), sealed=bytes(2096)
    )
    block = Block.make(world, last, [part], transactions)
    openings = tuple(
        Opening(name, salt(RESULT_KEY, exec_id, name), values[name]) for name in IDENTITY_FIELDS
    )
    policy = _POLICY.encode() if values["policy"] == _POLICY.hash() else b""
    return IdentityReceipt(
        GENESIS.encode(), world.node.recorder, block.proof(0), policy, made, openings
    )


def _proof(bound: bytes, time_ms: int, changed: dict[str, bytes]) -> bytes:
    cutoff = policy_cutoff(_POLICY, time_ms) - ("day" in changed)
    statement = Statement(cutoff, bytes(32) if "bound" in changed else bound)
    proof = RangeProver(bytes(32)).prove(_SECRET, statement, cutoff - 3000)
    if "header" in changed:
        proof = replace(proof, proof=b"\x60\x10" + proof.proof[2:])
    if "broken" in changed:
        proof = RangeProof(proof.commitment, proof.proof[:-1] + bytes([proof.proof[-1] ^ 1]))
    return proof.encode()
