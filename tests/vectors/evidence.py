"""Builds the vectors of docs/spec/evidence.md: evidence.json, and the example that the page shows.

    python -m tests.vectors.evidence            write tests/vectors/evidence.json
    python -m tests.vectors.evidence example    print the page's example

Keys and times are fixed, so that the same bytes come out each time; a test compares them.
"""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

from adyton.core import limits
from adyton.core.cose import CONTENT_TYPE, sign1_from_tag
from adyton.core.encoding import decode
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from tests.unit.attestation.forge import (
    NONCE,
    NOW_MS,
    RUNNER,
    claims_for,
    cwt,
    good_device,
    make_attested,
    make_device,
    make_genesis,
    make_node,
    pin_of,
)

PATH = Path(__file__).with_suffix(".json")
GENESIS = make_genesis(good_device())


def vector(name: str, evidence: NodeEvidence, refused: str = "", **changes: Any) -> dict[str, Any]:
    """Return a vector; `refused` is code and step, or empty where the evidence is accepted."""
    code, _, step = refused.partition(" ")
    values: dict[str, Any] = {
        "fingerprint": pin_of(GENESIS).hex(),
        "nonce": NONCE.hex(),
        "now_ms": NOW_MS,
        "allow_simulated": True,
        "max_age_s": limits.EVIDENCE_AGE_S,
    }
    verdict = {"code": code, "step": int(step)} if code else {"verdict": "simulated"}
    return {"name": name, "evidence": evidence.encode().hex(), **values, **changes, **verdict}


def with_recorder(bundle: EvidenceBundle) -> NodeEvidence:
    return replace(make_node(), recorder=bundle)


def resigned(extra: dict[int, Any] | None = None, **arguments: Any) -> NodeEvidence:
    """Return a node whose recorder's evidence has other headers, under the right signature."""
    device = good_device()
    claims = {**claims_for(make_attested("recorder", GENESIS), device), **(extra or {})}
    bundle = replace(make_node().recorder, evidence=cwt(claims, device, **arguments))
    return with_recorder(bundle)


def vectors() -> list[dict[str, Any]]:
    """Return all vectors, positive ones first."""
    node = make_node()
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
        vector("an answer to a challenge", node),
        vector("evidence of record", old, nonce=None),
        vector(
            "historic evidence", old, nonce=None, max_age_s=None, now_ms=NOW_MS + 20 * 31557600000
        ),
        vector("default policy", node, "simulated_refused 9", allow_simulated=False),
        vector(
            "a genesis that does not allow it",
            make_node(genesis=closed_chain),
            "simulated_refused 9",
            fingerprint=pin_of(closed_chain).hex(),
        ),
        vector("another fingerprint", node, "fingerprint_mismatch 10", fingerprint="00" * 32),
        vector("another chain", make_node(genesis=other_chain), "fingerprint_mismatch 10"),
        vector(
            "another measurement",
            make_node(recorder_claims={"MEASUREMENT": b"\x4e" * 48}),
            "fingerprint_mismatch 10",
        ),
        vector(
            "a runner of another measurement",
            make_node(runner_claims={"MEASUREMENT": b"\x4e" * 48}),
            "evidence_measurement 8",
        ),
        vector(
            "no evidence", with_recorder(replace(recorder, evidence=b"")), "evidence_malformed 2"
        ),
        vector(
            "another media type",
            resigned(headers={CONTENT_TYPE: "application/eat+cwt"}),
            "evidence_kind 2",
        ),
        vector("an extra claim", resigned({-70007: 0}), "evidence_malformed 2"),
        vector("an unprotected header", resigned(unprotected={4: b"k"}), "evidence_malformed 2"),
        vector(
            "another root", make_node(device=other_root, genesis=GENESIS), "evidence_signature 3"
        ),
        vector(
            "a certificate whose extension is not critical",
            make_node(device=soft, genesis=GENESIS),
            "evidence_signature 3",
        ),
        vector(
            "a certificate without the extension",
            make_node(device=bare, genesis=GENESIS),
            "evidence_signature 3",
        ),
        vector(
            "an altered signature",
            with_recorder(
                replace(
                    recorder, evidence=recorder.evidence[:-1] + bytes([recorder.evidence[-1] ^ 1])
                )
            ),
            "evidence_signature 4",
        ),
        vector("another challenge", node, "evidence_binding 5", nonce="00" * 32),
        vector("stale", node, "evidence_stale 5", now_ms=NOW_MS + limits.EVIDENCE_AGE_S * 1000 + 1),
        vector("from the future", node, "evidence_stale 5", now_ms=NOW_MS - 3600_000),
        vector(
            "another key",
            with_recorder(replace(recorder, attested=runner_key)),
            "evidence_binding 6",
        ),
        vector(
            "a closed debug state", make_node(recorder_claims={"DBGSTAT": 1}), "evidence_debug 7"
        ),
        vector(
            "swapped roles", replace(node, recorder=runner, runner=recorder), "evidence_binding 12"
        ),
        vector(
            "a runner of another incarnation",
            make_node(runner={"incarnation": 1}),
            "evidence_binding 12",
        ),
        vector(
            "an epoch record of another chain",
            make_node(epoch={"chain_id": bytes(32)}),
            "evidence_binding 13",
        ),
        vector(
            "an epoch record under another key", make_node(epoch_key=RUNNER), "evidence_binding 13"
        ),
    ]


def diagnostic(value: Any, indent: str = "") -> str:
    """Return CBOR diagnostic notation of what evidence holds, long byte strings cut short."""
    inner = indent + "  "
    if isinstance(value, dict):
        if not value:
            return "{}"
        items = (f"{inner}{k}: {diagnostic(v, inner)}" for k, v in value.items())
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, bytes):
        whole = len(value) <= 32
        return f"h'{value.hex()}'" if whole else f"h'{value.hex()[:48]}…' / {len(value)} bytes /"
    return json.dumps(value)


def example() -> str:
    """Return the example of docs/spec/evidence.md: a recorder's evidence in both notations."""
    evidence = make_node().recorder.evidence
    message = sign1_from_tag(decode(evidence, max_bytes=limits.EVIDENCE, tags=True).value)
    claims = decode(message.payload or b"", max_bytes=limits.EVIDENCE)
    body = (
        f"61(18([\n  << {diagnostic(message.headers, '  ')} >>,\n"
        f"  {diagnostic(message.unprotected)},\n"
        f"  << {diagnostic(claims, '  ')} >>,\n  {diagnostic(message.signature)}\n]))"
    )
    return f"```text\n{body}\n```\n\n```text\n{textwrap.fill(evidence.hex(), 96)}\n```\n"


def text() -> str:
    return json.dumps(vectors(), indent=1) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["example"]:
        sys.stdout.write(example())
    else:
        PATH.write_text(text(), "utf-8")
