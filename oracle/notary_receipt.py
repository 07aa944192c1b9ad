"""Notary receipts: the six steps of `docs/spec/certificate.md`."""

from __future__ import annotations

from evidence import BUNDLE, appraise
from ledger import PROOF, chain_of, key_id, verify_entry
from policy import Checks, Policy
from strict import Form, Octets, Value, h, require

MIB = 1024**2
NOTARY = Form(
    "notary-receipt/1",
    MIB,
    genesis=Octets(8192, exactly=False),
    recorder=BUNDLE,
    proof=PROOF,
    digest=Octets(32),
    salt=Octets(32),
)
NOTARY_STEPS = (
    "the bytes are the one encoding of a receipt",
    "genesis has a pinned fingerprint, and an accepted platform and ordering",
    "the evidence is the recorder's that signed, and holds",
    "the entry lies in this chain, by the pinned code, and was carried out",
    "it commits to this digest, and the digest is the content's",
    "the key was not used too long after its evidence",
)


def verify_notary(data: bytes, policy: Policy, content: bytes | None) -> Checks:
    """Verify a notary receipt, and the content where it is at hand."""
    checks = Checks(NOTARY_STEPS)
    held: dict[str, Value] = {}

    def form() -> None:
        held.update(NOTARY.read(data))
        held["proof"] = PROOF.fields_of(held["proof"])

    def pinned() -> None:
        held["chain"] = chain_of(held["genesis"])
        policy.require_pinned(held["chain"])
        policy.require_accepted(held["chain"])

    def evidence() -> None:
        held["key"] = appraise(held["recorder"], held["chain"], "recorder", policy.now_ms)

    def entry() -> None:
        keys = {key_id(held["key"].public): held["key"].public}
        held["entry"] = verify_entry(held["proof"], keys, held["chain"])
        part = held["entry"].part
        require(part["measurement"] == held["chain"].genesis["measurement"], "by other code")
        carried_out = part["kind"] == "request" and part["code"] == "" and part["task_hash"]
        require(bool(carried_out), "not a request that was carried out")

    def commitment() -> None:
        made = h("claims", h("claim", b"file", held["salt"], held["digest"]))
        require(held["entry"].part["claims"] == made, "the entry commits to something else")
        if content is not None:
            require(h("content", content) == held["digest"], "the receipt is of another content")
        checks.shown["digest"] = held["digest"]

    def age() -> None:
        policy.require_age(held["key"], held["entry"].facts["time_ms"])

    for number, step in enumerate((form, pinned, evidence, entry, commitment, age), 1):
        checks.run(number, step)
    return checks
