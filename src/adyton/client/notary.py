"""Has the ledger record that a file existed, and keeps a receipt that shows it to anybody,
offline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from adyton.client.certificate import CertificatePolicy
from adyton.client.exchange import Accepted
from adyton.client.recorded_entry import verdict_of, verify_recorded
from adyton.client.session import Session
from adyton.client.steps import NOTARY_STEPS, Steps
from adyton.client.verdict import Verdict
from adyton.core import limits
from adyton.core.errors import Error, VerificationError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, message
from adyton.protocol import notary as protocol
from adyton.protocol.claims import NOTARY_FIELDS, claims_digest, commitment, content_digest, salt
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.ledger import EntryProof


@message("notary-receipt/1", max_bytes=2 * limits.ENTRY)
class NotaryReceipt(Message):
    """One file that shows that another was recorded.

    Attributes:
        genesis: encoded genesis of the chain.
        recorder: evidence of the key that signed.
        proof: of the entry.
        digest: content digest of the file.
        salt: opens the entry's commitment; who has it not learns nothing from the entry.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    recorder: EvidenceBundle
    proof: EntryProof
    digest: Bytes32
    salt: Bytes32


def _invalid(reason: str) -> VerificationError:
    return VerificationError("receipt_invalid", reason)


def notarize(
    session: Session, content: bytes, *, ordering: str = "single-host", name: str = ""
) -> NotaryReceipt:
    """Record a salted commitment to a content's digest; the content itself does not leave the
    client.

    Raises:
        VerificationError: the entry does not commit to this content. Error: as `Session.request`.
    """
    digest = content_digest(content)
    accepted = session.request(
        protocol.APP,
        protocol.NOTARIZE,
        protocol.Notarize(digest).encode(),
        ordering=ordering,
        name=name,
    )
    return _receipt(session, accepted, digest)


def notarize_all(
    session: Session,
    contents: Sequence[bytes],
    *,
    ordering: str = "single-host",
    names: Sequence[str] = (),
) -> list[NotaryReceipt | Error]:
    """Record each content's digest, many in one round trip; return each one's receipt, or why there is none.

    Raises:
        Error: as `Session.request_all`.
    """
    digests = [content_digest(content) for content in contents]
    arguments = [protocol.Notarize(digest).encode() for digest in digests]
    outcomes = session.request_all(
        protocol.APP, protocol.NOTARIZE, arguments, ordering=ordering, names=names
    )
    return [
        one if isinstance(one, Error) else _receipt(session, one, digest)
        for one, digest in zip(outcomes, digests, strict=True)
    ]


def _receipt(session: Session, accepted: Accepted, digest: bytes) -> NotaryReceipt:
    (field,) = NOTARY_FIELDS
    receipt = NotaryReceipt(
        session.pin.genesis,
        NodeEvidence.decode(accepted.entry.node.evidence).recorder,
        accepted.entry.proof,
        digest,
        salt(accepted.result_key, accepted.exec_id, field),
    )
    _require_commitment(receipt, accepted.entry.part.claims)
    return receipt


def verify_notary_receipt(
    unverified: bytes,
    *,
    content: bytes | None,
    policy: CertificatePolicy,
    now_ms: int,
    steps: Steps | None = None,
) -> Verdict:
    """Verify a saved receipt and return what it means.

    Trust: runs at the relying party; the bytes come from anybody.

    Steps, as in `docs/spec/certificate.md`:
      1. the bytes are the one encoding of a receipt;
      2. genesis has a pinned fingerprint, and a platform and ordering that the policy accepts;
      3. the evidence is the recorder's that signed, and passes the appraisal;
      4. the entry lies in this chain, executed by the pinned code;
      5. it commits to this digest, and the digest is the content's;
      6. the key was not used longer after its evidence was made than the policy allows.

    Args:
        unverified: the file.
        content: the notarized content, where it is at hand.
        policy: what the relying party demands.
        now_ms: verification time.
        steps: told how far the verification comes.

    Raises:
        MalformedError: step 1. PolicyError: step 2 or 6. VerificationError: any step.
    """
    steps = steps or Steps(NOTARY_STEPS)
    steps.reach(1)
    receipt = NotaryReceipt.decode(unverified)
    entry = verify_recorded(
        receipt.genesis, receipt.recorder, receipt.proof, policy=policy, now_ms=now_ms, steps=steps
    )
    steps.reach(5)
    _require_commitment(receipt, entry.part.claims)
    if content is not None and content_digest(content) != receipt.digest:
        raise _invalid("the receipt is of another content")
    steps.reach(6)
    verdict = verdict_of(
        entry, "notarization", policy, now_ms, shown={"file": receipt.digest.hex()}
    )
    steps.end()
    return verdict


def _require_commitment(receipt: NotaryReceipt, claims: bytes | None) -> None:
    (field,) = NOTARY_FIELDS
    committed = claims_digest((commitment(field, receipt.salt, receipt.digest),))
    if claims != committed:
        raise _invalid("the entry does not commit to this digest")
