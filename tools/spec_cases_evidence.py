"""The vectors of evidence: of one role, steps 1 to 8, and of a node under a fingerprint, steps 9 to 13."""

from dataclasses import replace
from typing import Any

from adyton.core import limits
from adyton.core.cose import CONTENT_TYPE
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from tests.unit.attestation.forge import (
    MEASUREMENT,
    NONCE,
    NOW_MS,
    RUNNER,
    Device,
    claims_for,
    cwt,
    good_device,
    make_attested,
    make_bundle,
    make_device,
    make_genesis,
    make_node,
    pin_of,
)
from tools.spec_case import Case, flip
from tools.spec_world import FINGERPRINT, GENESIS, World

_ROOT = good_device().pin
_AGE_MS = limits.EVIDENCE_AGE_S * 1000
_YEARS_MS = 20 * 31_557_600_000
_SKEW_MS = limits.CLOCK_SKEW_MS
_DAY_MS = 86_400_000
_OTHER_CODE = b"\x4e" * 48


def evidence_cases(world: World) -> list[Case]:
    """Return the vectors of `evidence.md`."""
    return [*_roles(), *_nodes(world.node)]


def _given(**changed: Any) -> dict[str, Any]:
    """Return what every appraisal is given beside the evidence."""
    return {
        "nonce": NONCE.hex(),
        "now_ms": NOW_MS,
        "allow_simulated": True,
        "max_age_s": limits.EVIDENCE_AGE_S,
        **changed,
    }


def _role(
    name: str, bundle: EvidenceBundle, code: str = "", step: int | None = None, **changed: Any
) -> Case:
    given = {
        "attested": bundle.attested.encode().hex(),
        "shown_nonce": bundle.nonce.hex(),
        "evidence": bundle.evidence.hex(),
        "endorsements": [one.hex() for one in bundle.endorsements],
        "measurements": [MEASUREMENT.hex()],
        "simulated_root": _ROOT.hex(),
        "least_svn": 0,
    }
    return Case(name, "appraise", given | _given(**changed), code, step)


def _node(
    name: str, evidence: NodeEvidence, code: str = "", step: int | None = None, **changed: Any
) -> Case:
    given = {"evidence": evidence.encode().hex(), "fingerprint": FINGERPRINT.hex()}
    return Case(name, "appraise_node", given | _given(**changed), code, step)


def _signed(
    extra: dict[int, Any] | None = None, device: Device | None = None, **arguments: Any
) -> EvidenceBundle:
    """Return a recorder's evidence that has other claims or headers, under the right signature."""
    device = device or good_device()
    bundle = make_bundle()
    claims = {**claims_for(bundle.attested, device), **(extra or {})}
    return replace(bundle, evidence=cwt(claims, device, **arguments), endorsements=(device.root,))


def _without(claim: int) -> EvidenceBundle:
    claims = claims_for(make_bundle().attested, good_device())
    return replace(
        make_bundle(), evidence=cwt({k: v for k, v in claims.items() if k != claim}, good_device())
    )


def _roles() -> list[Case]:
    good = make_bundle()
    runner = make_bundle(make_attested("runner", GENESIS))
    record = make_bundle(NONCE=b"at its start")
    short = make_device(leaf={"days": 2}, root={"days": 2})
    brief = _signed(device=short)
    foreign = make_device(root={"days": 3651})
    other_key = replace(good, attested=replace(good.attested, signing_key=RUNNER.public))
    elsewhere = replace(good, attested=replace(good.attested, chain_id=bytes(32)))
    altered = replace(good, evidence=good.evidence.replace(MEASUREMENT, _OTHER_CODE))
    own, unsigned_leaf = make_device(root_signer=12), make_device(leaf_signer=12)
    own_pin = own.pin.hex()
    future, late = NOW_MS - _SKEW_MS, NOW_MS + _AGE_MS + 1
    historic: dict[str, Any] = {"nonce": None, "max_age_s": None}
    expired: dict[str, Any] = {
        "nonce": None,
        "max_age_s": 1_000_000,
        "now_ms": NOW_MS + 3 * _DAY_MS,
    }
    return [
        _role("evidence of a recorder", good),
        _role("evidence of a runner", runner),
        _role("evidence of record, of one role", record, nonce=None),
        _role("evidence of long ago", record, now_ms=NOW_MS + _YEARS_MS, **historic),
        _role("evidence as old as it may be", good, now_ms=NOW_MS + _AGE_MS),
        _role("evidence as far in the future as it may be", good, now_ms=future),
        _role("one of several measurements", good, measurements=[_OTHER_CODE.hex(), MEASUREMENT.hex()]),
        _role("the simulated platform without the flag", good, "simulated_refused", 1, allow_simulated=False),
        _role("the simulated platform without a root", good, "simulated_refused", 1, simulated_root=None),
        _role("no bytes of evidence", replace(good, evidence=b""), "evidence_malformed", 2),
        _role("evidence and a byte", replace(good, evidence=good.evidence + b"\x00"), "evidence_malformed", 2),
        _role("evidence under another tag", _signed(tag=62), "evidence_malformed", 2),
        _role("evidence without an endorsement", replace(good, endorsements=()), "evidence_malformed", 2),
        _role("evidence with a claim too many", _signed({-70007: 0}), "evidence_malformed", 2),
        _role("evidence with a claim too few", _without(-70005), "evidence_malformed", 2),
        _role("evidence of another profile", _signed({265: "tag:example.com,2026:1"}), "evidence_kind", 2),
        _role("another root than the one pinned", _signed(device=foreign), "evidence_signature", 3),
        _role("a root that did not sign itself", _signed(device=own), "evidence_signature", 3, simulated_root=own_pin),
        _role("a key that the root did not sign", _signed(device=unsigned_leaf), "evidence_signature", 3),
        _role("claims that were altered", altered, "evidence_signature", 4),
        _role("claims that another key signed", _signed(key=RUNNER), "evidence_signature", 4),
        _role("an answer to another challenge", good, "evidence_binding", 5, nonce=bytes(32).hex()),
        _role("another nonce than the one shown", replace(good, nonce=bytes(32)), "evidence_binding", 5, nonce=None),
        _role("evidence that is too old", good, "evidence_stale", 5, now_ms=late),
        _role("a late answer without a greatest age", good, "evidence_stale", 5, now_ms=late, max_age_s=None),
        _role("evidence of the future", good, "evidence_stale", 5, now_ms=future - 1),
        _role("a certificate that has expired", brief, "evidence_stale", 5, simulated_root=short.pin.hex(), **expired),
        _role("another key than the one bound", other_key, "evidence_binding", 6),
        _role("another chain than the one bound", elsewhere, "evidence_binding", 6),
        _role("signed for another kind", make_bundle(PLATFORM_KIND="tdx"), "evidence_kind", 7),
        _role("a debug state of hardware", make_bundle(DBGSTAT=1), "evidence_debug", 7),
        _role("code that is not accepted", good, "evidence_measurement", 8, measurements=[_OTHER_CODE.hex()]),
        _role("no code that is accepted", good, "evidence_measurement", 8, measurements=[]),
        _role("a security version below the least", good, "evidence_measurement", 8, least_svn=2),
    ]  # fmt: skip


def _with(node: NodeEvidence, recorder: EvidenceBundle) -> NodeEvidence:
    return replace(node, recorder=recorder)


def _nodes(node: NodeEvidence) -> list[Case]:
    recorder, runner = node.recorder, node.runner
    record = {"NONCE": b"at its start"}
    old = make_node(recorder_claims=record, runner_claims=record)
    other_root = make_device(root={"days": 3651})
    soft = make_device(leaf={"critical": False})
    bare = make_device(leaf={"extension": None})
    other_chain = make_genesis(good_device(), nonce=b"\x08" * 32)
    closed_chain = make_genesis(good_device(), allow_simulated=False)
    runner_key = replace(recorder.attested, signing_key=RUNNER.public)
    return [
        _node("an answer to a challenge", node),
        _node("evidence of record", old, nonce=None),
        _node("historic evidence", old, nonce=None, max_age_s=None, now_ms=NOW_MS + _YEARS_MS),
        _node("default policy", node, "simulated_refused", 9, allow_simulated=False),
        _node(
            "a genesis that does not allow it",
            make_node(genesis=closed_chain),
            "simulated_refused",
            9,
            fingerprint=pin_of(closed_chain).hex(),
        ),
        _node("another fingerprint", node, "fingerprint_mismatch", 10, fingerprint="00" * 32),
        _node("another chain", make_node(genesis=other_chain), "fingerprint_mismatch", 10),
        _node(
            "another measurement",
            make_node(recorder_claims={"MEASUREMENT": _OTHER_CODE}),
            "fingerprint_mismatch",
            10,
        ),
        _node(
            "a runner of another measurement",
            make_node(runner_claims={"MEASUREMENT": _OTHER_CODE}),
            "evidence_measurement",
            8,
        ),
        _node("no evidence", _with(node, replace(recorder, evidence=b"")), "evidence_malformed", 2),
        _node(
            "another media type",
            _with(node, _signed(headers={CONTENT_TYPE: "application/eat+cwt"})),
            "evidence_kind",
            2,
        ),
        _node("an extra claim", _with(node, _signed({-70007: 0})), "evidence_malformed", 2),
        _node(
            "an unprotected header",
            _with(node, _signed(unprotected={4: b"k"})),
            "evidence_malformed",
            2,
        ),
        _node(
            "another root", make_node(device=other_root, genesis=GENESIS), "evidence_signature", 3
        ),
        _node(
            "a certificate whose extension is not critical",
            make_node(device=soft, genesis=GENESIS),
            "evidence_signature",
            3,
        ),
        _node(
            "a certificate without the extension",
            make_node(device=bare, genesis=GENESIS),
            "evidence_signature",
            3,
        ),
        _node(
            "an altered signature",
            _with(node, replace(recorder, evidence=flip(recorder.evidence))),
            "evidence_signature",
            4,
        ),
        _node("another challenge", node, "evidence_binding", 5, nonce="00" * 32),
        _node("stale", node, "evidence_stale", 5, now_ms=NOW_MS + _AGE_MS + 1),
        _node("from the future", node, "evidence_stale", 5, now_ms=NOW_MS - 3600_000),
        _node(
            "another key",
            _with(node, replace(recorder, attested=runner_key)),
            "evidence_binding",
            6,
        ),
        _node(
            "a closed debug state", make_node(recorder_claims={"DBGSTAT": 1}), "evidence_debug", 7
        ),
        _node(
            "swapped roles", replace(node, recorder=runner, runner=recorder), "evidence_binding", 12
        ),
        _node(
            "a runner of another incarnation",
            make_node(runner={"incarnation": 1}),
            "evidence_binding",
            12,
        ),
        _node(
            "an epoch record of another chain",
            make_node(epoch={"chain_id": bytes(32)}),
            "evidence_binding",
            13,
        ),
        _node(
            "an epoch record under another key", make_node(epoch_key=RUNNER), "evidence_binding", 13
        ),
    ]
