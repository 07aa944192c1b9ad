"""What a server, or whoever hands on a file, gives a client or a Relying Party."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from adyton.attestation.formats import simulated
from adyton.attestation.node import appraise_node
from adyton.attestation.policy import AppraisalPolicy
from adyton.client.certificate import CertificatePolicy, verify_certificate
from adyton.client.chain import ChainVerifier, LocalBlock
from adyton.client.chain_head import head_text, parse_head
from adyton.client.conflict import verify_conflict
from adyton.client.notary import verify_notary_receipt
from adyton.client.outputs import checked_parts
from adyton.client.server_api import ServerApi
from adyton.client.shown import shown_values
from adyton.client.transport import CBOR, Reply
from adyton.client.verified_view import VerifiedView
from adyton.core.encoding import encode
from adyton.core.errors import InvariantError
from adyton.protocol.certificate import Opening, RunCertificate
from adyton.protocol.claims import TASK_FIELDS
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.ledger import EntryProof
from fuzz.target import ROOT, Target, refused_or, require, vector_bytes
from tests.message_forms import samples
from tests.unit.attestation.forge import NOW_MS, RECORDER
from tools.spec_world import CHAIN_ID, FINGERPRINT, GENESIS

POLICY = CertificatePolicy(
    fingerprints=frozenset((FINGERPRINT,)),
    kinds=frozenset(("simulated",)),
    allow_simulated=True,
    least_ordering="single-host",
    max_evidence_age_ms=86_400_000,
    allow_stale=False,
)


@cache
def _genuine() -> frozenset[bytes]:
    """The files of the vectors that hold: no other may."""
    found: set[bytes] = set()
    for vector in json.loads((ROOT / "docs/spec/vectors/certificate.json").read_text()):
        found.update(_certificates(vector))
    return frozenset(found)


def _certificates(vector: dict[str, Any]) -> list[bytes]:
    given = vector["given"]
    holds = "refused" not in vector and set(given) >= {"certificate"}
    return [bytes.fromhex(given["certificate"])] if holds else []


def certificate(data: bytes) -> None:
    """Certificates, receipts and conflicts: only a genuine one holds."""
    now = NOW_MS + 10_000
    verdict = refused_or(lambda: verify_certificate(data, policy=POLICY, now_ms=now))
    if verdict is not None and data not in _genuine():
        # Less may be opened than in the vectors; nothing else may be different.
        closed = RunCertificate.decode(data)
        bare = {RunCertificate.decode(one).finished for one in _genuine()}
        require(closed.finished in bare, "only a genuine certificate holds")
    refused_or(lambda: verify_notary_receipt(data, content=None, policy=POLICY, now_ms=now))
    refused_or(lambda: verify_conflict(data, policy=POLICY, now_ms=now))
    for field in TASK_FIELDS:
        refused_or(lambda field=field: shown_values((Opening(field, bytes(32), data),)))  # type: ignore[misc]  # mypy infers no default of a lambda


def evidence(data: bytes) -> None:
    """Evidence of the simulated platform, alone, in its bundle, and of a whole node."""
    refused_or(lambda: simulated.parse(data, (data,)))
    cut = len(data) // 2
    refused_or(lambda: simulated.parse(data[:cut], (data[cut:],)))
    refused_or(lambda: EvidenceBundle.decode(data))
    node = refused_or(lambda: NodeEvidence.decode(data))
    if node is not None:
        refused_or(
            lambda: appraise_node(
                node,
                fingerprint=FINGERPRINT,
                policy=AppraisalPolicy(allow_simulated=True),
                nonce=None,
                now_ms=NOW_MS,
            )
        )


class _Answering:
    """A transport whose every answer is the fuzzer's."""

    server = "http://fuzzed.invalid"

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def exchange(self, *_: Any, **__: Any) -> Reply:
        return self._reply

    def close(self) -> None:
        """Nothing is open."""


def answers(data: bytes) -> None:
    """The answer to each route, as a success and as a refusal, in CBOR and in JSON."""
    replies = [
        Reply(200, CBOR, data),
        Reply(400, CBOR, data),
        Reply(503, "application/problem+json", data),
    ]
    for reply in replies:
        api = ServerApi(_Answering(reply))
        for call in (
            lambda api=api: api.post_key(b""),
            lambda api=api: api.post_task(b"", 0),
            lambda api=api: api.post_tasks([b"", b""], 0),
            lambda api=api: api.post_read(b""),
            lambda api=api: api.get_entry(bytes(32), wait_s=0, view=0),
            lambda api=api: api.get_blocks(1, 10),
            lambda api=api: api.get_evidence(bytes(16)),
            lambda api=api: api.get_checkpoint(),
            lambda api=api: api.health(),
        ):
            try:
                refused_or(call)
            except InvariantError:
                # A server may say that it has a defect; that is no defect of ours.
                require(reply.status != 200, "no answer is a defect of the client")


def chain(data: bytes) -> None:
    """A block of a page, and a kept view, entry and checkpoint."""
    verifier = ChainVerifier(GENESIS.encode(), policy=POLICY, now_ms=NOW_MS + 10_000)
    one, two = len(data) // 3, 2 * len(data) // 3
    parts = data[:one], data[one:two], data[two:]
    refused_or(lambda: verifier.append(LocalBlock(parts[0], parts[1], ((parts[2], bytes(32)),))))
    require(verifier.last is None, "no block of a stranger's making is accepted")
    refused_or(lambda: VerifiedView.from_bytes(data))
    proof = refused_or(lambda: EntryProof.decode(data))
    if proof is not None:
        refused_or(lambda: proof.verify(RECORDER.public, CHAIN_ID))


def texts(data: bytes) -> None:
    """A head that somebody sent as text, and the path of an output."""
    text = data.decode("utf-8", "surrogateescape")
    head = refused_or(lambda: parse_head(text))
    if head is not None:
        again = parse_head(head_text(head))
        require(again == head, "a head has one meaning")
    parts = refused_or(lambda: checked_parts(text))
    if parts is not None:
        whole = Path(*parts)
        inside = not whole.is_absolute() and ".." not in whole.parts and bool(whole.parts)
        require(inside, "an output stays below its directory")


def _answer_seeds() -> list[bytes]:
    proof = next(iter(vector_bytes("proof")))
    return [
        encode({"task_hash": bytes(32), "proof": proof, "consistency": [bytes(32)]}),
        encode({"answers": [{"task_hash": bytes(32), "code": "expired"}] * 2, "consistency": []}),
        encode({"answer": b"sealed"}),
        encode({"checkpoint": b"x", "consistency": []}),
        encode({"code": "expired", "detail": "why", "status": 403}),
        json.dumps({"code": "expired", "detail": "why", "status": 403}).encode(),
        encode(
            {
                "genesis": b"g",
                "height": 1,
                "blocks": [{"header": b"", "checkpoint": b"", "entries": [[b"", b""]]}],
            }
        ),
    ]


TARGETS = (
    Target("certificate", certificate, lambda: [*vector_bytes("certificate", "conflict")], 8192),
    Target(
        "evidence",
        evidence,
        lambda: [*vector_bytes("evidence")] + [sample.encode() for sample in samples(NodeEvidence)],
        8192,
    ),
    Target("answers", answers, _answer_seeds),
    Target("chain", chain, lambda: [*vector_bytes("proof", "header", "view")]),
    Target("texts", texts, lambda: [b"out/result.txt", b"../up", b"adyton-head:" + b"a" * 40]),
)
