"""Appraisal of a node under its fingerprint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adyton.attestation.node import NodeAppraisal, appraise_node
from adyton.attestation.policy import AppraisalPolicy
from adyton.core.errors import EvidenceError, MalformedError
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from tests.unit.attestation.forge import (
    HPKE_PUBLIC,
    MEASUREMENT,
    NONCE,
    NOW_MS,
    RECORDER,
    RUNNER,
    good_device,
    make_device,
    make_genesis,
    make_node,
    pin_of,
)

GENESIS = make_genesis(good_device())
# What a client has: the fingerprint and the flag. The root follows from the fingerprint.
ALLOWED = AppraisalPolicy(allow_simulated=True)


def judge(evidence: NodeEvidence, **changes: Any) -> NodeAppraisal:
    arguments: dict[str, Any] = {
        "fingerprint": pin_of(GENESIS),
        "policy": ALLOWED,
        "nonce": NONCE,
        "now_ms": NOW_MS,
    }
    return appraise_node(evidence, **{**arguments, **changes})


def refused(evidence: NodeEvidence, code: str, step: int, **changes: Any) -> None:
    with pytest.raises(EvidenceError) as raised:
        judge(evidence, **changes)
    assert (raised.value.code, raised.value.step) == (code, step), raised.value


def test_a_node_is_accepted_under_its_fingerprint() -> None:
    node = judge(make_node())
    assert node.genesis == GENESIS
    assert node.chain_id == GENESIS.chain_id()
    assert (node.recorder_key, node.runner_key) == (RECORDER.public, RUNNER.public)
    assert node.hpke_key == HPKE_PUBLIC
    assert node.epoch.chain_id == node.chain_id
    assert node.measurement == MEASUREMENT
    assert node.verdict == "simulated"
    assert not node.recorder.hardware_rooted
    assert not node.runner.hardware_rooted


def test_a_node_of_record_is_accepted() -> None:
    claims = {"NONCE": b"at its start"}
    evidence = make_node(recorder_claims=claims, runner_claims=claims)
    assert judge(evidence, nonce=None).measurement == MEASUREMENT
    refused(evidence, "evidence_binding", 5)


def test_a_later_image_is_accepted_under_its_own_fingerprint() -> None:
    other = b"\x4e" * 48
    claims = {"MEASUREMENT": other}
    evidence = make_node(recorder_claims=claims, runner_claims=claims)
    assert judge(evidence, fingerprint=pin_of(GENESIS, other)).measurement == other


def test_the_weaker_verdict_of_the_roles_counts() -> None:
    node = judge(make_node())
    hardware = replace(node.recorder, hardware_rooted=True)
    assert replace(node, recorder=hardware).verdict == "simulated"
    assert replace(node, recorder=hardware, runner=hardware).verdict == "hardware"
    stale = replace(hardware, stale=True)
    assert replace(node, recorder=hardware, runner=stale).verdict == "stale"


# --- step 9 -------------------------------------------------------------------------------------


def test_a_genesis_that_is_none_is_refused() -> None:
    refused(replace(make_node(), genesis=b"\x80"), "evidence_malformed", 9)


def test_the_default_policy_refuses_the_simulated_platform() -> None:
    refused(make_node(), "simulated_refused", 9, policy=AppraisalPolicy())


def test_a_genesis_without_root_or_permission_is_refused() -> None:
    for change in ({"simulated_root": None}, {"allow_simulated": False}):
        genesis = make_genesis(good_device(), **change)
        evidence = make_node(genesis=genesis)
        refused(evidence, "simulated_refused", 9, fingerprint=pin_of(genesis))


def test_a_root_other_than_the_policys_is_refused() -> None:
    pinned = replace(ALLOWED, simulated_root=good_device().pin)
    assert judge(make_node(), policy=pinned).genesis == GENESIS
    other = replace(ALLOWED, simulated_root=b"\x01" * 32)
    refused(make_node(), "evidence_signature", 9, policy=other)


def test_a_kind_other_than_the_configurations_is_refused() -> None:
    evidence = make_node()
    for role in ("recorder", "runner"):
        bundle: EvidenceBundle = getattr(evidence, role)
        strange = replace(bundle, attested=replace(bundle.attested, kind="sgx"))
        changed = (
            replace(evidence, recorder=strange)
            if role == "recorder"
            else replace(evidence, runner=strange)
        )
        refused(changed, "evidence_kind", 9)


# --- step 10 ------------------------------------------------------------------------------------


def test_another_server_is_refused() -> None:
    refused(make_node(), "fingerprint_mismatch", 10, fingerprint=bytes(32))
    other_chain = make_genesis(good_device(), nonce=b"\x08" * 32)
    refused(make_node(genesis=other_chain), "fingerprint_mismatch", 10)


def test_other_code_is_refused() -> None:
    claims = {"MEASUREMENT": b"\x4e" * 48}
    refused(make_node(recorder_claims=claims), "fingerprint_mismatch", 10)
    refused(make_node(runner_claims=claims), "evidence_measurement", 8)


def test_another_root_is_refused() -> None:
    device = make_device(root={"days": 3651})
    # With a genesis of its own it is another server; with ours, its signature leads nowhere.
    refused(make_node(device=device), "fingerprint_mismatch", 10)
    refused(make_node(device=device, genesis=GENESIS), "evidence_signature", 3)


def test_evidence_that_cannot_be_parsed_is_refused() -> None:
    evidence = make_node()
    recorder = replace(evidence.recorder, evidence=b"\xff")
    refused(replace(evidence, recorder=recorder), "evidence_malformed", 2)


# --- steps 11 to 13; refusals of step 11 carry the numbers 1 to 8 ---------------------------------


def test_another_challenge_and_stale_evidence_are_refused() -> None:
    refused(make_node(), "evidence_binding", 5, nonce=bytes(32))
    claims = {"NONCE": b"another nonce"}
    refused(make_node(runner_claims=claims), "evidence_binding", 5)
    refused(make_node(), "evidence_stale", 5, now_ms=NOW_MS + 25 * 3600 * 1000)
    refused(make_node(), "evidence_stale", 5, now_ms=NOW_MS - 3600 * 1000)


def test_swapped_roles_are_refused() -> None:
    evidence = make_node()
    swapped = replace(evidence, recorder=evidence.runner, runner=evidence.recorder)
    refused(swapped, "evidence_binding", 12)
    # Even where the runner also has a key to seal to.
    evidence = make_node(runner={"hpke_key": HPKE_PUBLIC})
    swapped = replace(evidence, recorder=evidence.runner, runner=evidence.recorder)
    refused(swapped, "evidence_binding", 12)


def test_one_role_twice_is_refused() -> None:
    evidence = make_node()
    refused(replace(evidence, runner=evidence.recorder), "evidence_binding", 12)


@pytest.mark.parametrize("role", ["recorder", "runner"])
@pytest.mark.parametrize(
    "change", [{"chain_id": b"\x09" * 32}, {"config_digest": b"\x09" * 32}, {"incarnation": 1}]
)
def test_a_role_of_another_chain_configuration_or_incarnation_is_refused(
    role: str, change: dict[str, Any]
) -> None:
    changes: dict[str, Any] = {role: change}
    refused(make_node(**changes), "evidence_binding", 12)


def test_a_recorder_without_a_key_to_seal_to_is_refused() -> None:
    refused(make_node(recorder={"hpke_key": None}), "evidence_binding", 12)


@pytest.mark.parametrize("change", [{"chain_id": b"\x09" * 32}, {"incarnation": 1}])
def test_an_epoch_record_of_another_chain_or_incarnation_is_refused(
    change: dict[str, Any],
) -> None:
    refused(make_node(epoch=change), "evidence_binding", 13)


def test_an_epoch_record_signed_by_another_key_is_refused() -> None:
    refused(make_node(epoch_key=RUNNER), "evidence_binding", 13)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # one of the flips
def test_single_bit_flips_of_all_parts_are_refused() -> None:
    encoded = make_node().encode()
    judge(NodeEvidence.decode(encoded))
    # Every bit is flipped for one role in test_verifier; here each byte of the whole, once.
    for position in range(len(encoded)):
        flipped = bytearray(encoded)
        flipped[position] ^= 1 << position % 8
        with pytest.raises((MalformedError, EvidenceError)):
            judge(NodeEvidence.decode(bytes(flipped)))
