"""The published vectors of docs/spec/evidence.md give what they say, and are the ones that are built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adyton.attestation.node import appraise_node
from adyton.attestation.policy import AppraisalPolicy
from adyton.core.errors import EvidenceError
from adyton.protocol.evidence import NodeEvidence
from tests.vectors import evidence as vectors

SPEC = Path(__file__).resolve().parents[3] / "docs/spec/evidence.md"
PUBLISHED: list[dict[str, Any]] = json.loads(vectors.PATH.read_text("utf-8"))


@pytest.mark.parametrize("vector", PUBLISHED, ids=lambda vector: vector["name"])
def test_a_vector_gives_what_it_says(vector: dict[str, Any]) -> None:
    def judge() -> str:
        return appraise_node(
            NodeEvidence.decode(bytes.fromhex(vector["evidence"])),
            fingerprint=bytes.fromhex(vector["fingerprint"]),
            policy=AppraisalPolicy(
                allow_simulated=vector["allow_simulated"], max_age_s=vector["max_age_s"]
            ),
            nonce=None if vector["nonce"] is None else bytes.fromhex(vector["nonce"]),
            now_ms=vector["now_ms"],
        ).verdict

    if "verdict" in vector:
        assert judge() == vector["verdict"]
    else:
        with pytest.raises(EvidenceError) as raised:
            judge()
        assert (raised.value.code, raised.value.step) == (vector["code"], vector["step"])


def test_every_step_has_a_negative_vector() -> None:
    # Step 1 is reached with a bundle alone, and 11 refuses with the number of the step in it.
    assert {vector.get("step") for vector in PUBLISHED} == {None, *range(2, 11), 12, 13}


def test_the_vectors_are_the_ones_that_are_built() -> None:
    assert vectors.PATH.read_text("utf-8") == vectors.text()


def test_the_specification_shows_the_first_vector() -> None:
    example = vectors.example()
    assert example in SPEC.read_text("utf-8")
    shown = example.split("```text\n")[2].removesuffix("```\n")
    assert "".join(shown.split()) in PUBLISHED[0]["evidence"]
