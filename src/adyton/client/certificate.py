"""Run certificates: made by the client that holds the keys, verified by anybody, offline.

certificate = make_certificate(genesis=…, evidence=…, accepted=…, finished=…, result_key=…,
values=…, show=…) verdict = verify_certificate(certificate.encode(), policy=policy, now_ms=now)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from adyton.client.evidence_of_record import KeyOfRecord, appraise_of_record, pinned_fingerprint
from adyton.client.shown import shown_values
from adyton.client.steps import RUN_STEPS, Steps
from adyton.client.verdict import Verdict
from adyton.core import limits
from adyton.core.crypto import key_id
from adyton.core.errors import PolicyError, UsageError, VerificationError
from adyton.protocol.certificate import Opening, RunCertificate
from adyton.protocol.claims import TASK_FIELDS, claims_digest, commit, salt, verify_opening
from adyton.protocol.evidence import EvidenceBundle
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import Checkpoint, EntryProof, PublicPart, Receipt
from adyton.protocol.task import Finish, SignedFinish
from adyton.protocol.words import require_ordering


@dataclass(frozen=True, kw_only=True)
class CertificatePolicy:
    """What a relying party demands; every field must be said.

    Attributes:
        fingerprints: pinned, 32 bytes each; a certificate of any other node is refused.
        kinds: platform kinds that are accepted.
        allow_simulated: whether the simulated platform is, which no hardware vouches for.
        least_ordering: the weakest ordering level that is accepted.
        max_evidence_age_ms: how old evidence may have been when its key was used.
        allow_stale: whether older evidence is accepted, with a verdict that says so.
    """

    fingerprints: frozenset[bytes]
    kinds: frozenset[str]
    allow_simulated: bool
    least_ordering: str
    max_evidence_age_ms: int
    allow_stale: bool


def _invalid(reason: str) -> VerificationError:
    return VerificationError("certificate_invalid", reason)


def make_certificate(
    *,
    genesis: bytes,
    evidence: Iterable[EvidenceBundle],
    accepted: EntryProof,
    finished: EntryProof,
    result_key: bytes,
    values: Mapping[str, bytes],
    show: Collection[str],
) -> RunCertificate:
    """Return the certificate of a finished task, with as much of `evidence` as it needs.

    Trust: runs in the client, on proofs that it has verified.

    Args:
        genesis: encoded genesis of the chain.
        evidence: bundles of the keys that signed, of record or fresher; the first that fits a key
            is taken.
        accepted: proof of the accepted request.
        finished: proof of its end.
        result_key: the task's, 32 bytes; salts are derived from it.
        values: committed value of each of `claims.TASK_FIELDS`.
        show: names of the fields to open.

    Raises:
        UsageError: a field of that name does not exist, or the evidence of a key is missing.
        VerificationError: the values are not those that were claimed.
    """
    unknown = set(show) - set(TASK_FIELDS)
    if unknown:
        raise UsageError("bad_argument", f"no field {sorted(unknown)[0]}")
    finish = _finish(finished.part())
    exec_id = accepted.exec_id()
    commitments = commit(TASK_FIELDS, values, result_key, exec_id)
    if claims_digest(commitments) != finish.claims:
        raise _invalid("the values are not those that the enclave claimed")
    bundles = {
        b.attested.role.encode() + key_id(b.attested.signing_key): b for b in reversed([*evidence])
    }
    used = []
    for role, kid in _keys_used(accepted, finished, finish):
        bundle = bundles.get(role.encode() + kid)
        if bundle is None:
            raise UsageError("bad_argument", f"the evidence of a {role} key is missing")
        used.append(bundle)
    openings = tuple(
        Opening(name, salt(result_key, exec_id, name), values[name])
        for name in TASK_FIELDS
        if name in show
    )
    return RunCertificate(genesis, tuple(used), accepted, finished, commitments, openings)


def verify_certificate(
    unverified: bytes, *, policy: CertificatePolicy, now_ms: int, steps: Steps | None = None
) -> Verdict:
    """Verify a certificate and return what it means.

    Trust: runs at the relying party; the bytes come from anybody.

    Steps, as in `docs/spec/certificate.md`:
       1. the bytes are the one encoding of a certificate;
       2. genesis gives the chain id and a fingerprint that the policy pins;
       3. platform kind and ordering are those that the policy accepts;
       4. evidence is of exactly the keys that signed, each once, in the order of first use, and
          each is
          appraised: measurement, configuration and chain are those of the fingerprint;
       5. the accepted request lies in a block of this chain, signed by an attested recorder;
       6. the end lies in a block of this chain, after the acceptance, signed by an attested
          recorder;
       7. both were executed by the pinned code, and are of the same task;
       8. the end is signed by an attested runner, for this chain, and names the execution of the
          acceptance;
       9. the commitments are those that runner and ledger name;
      10. each opening fits its commitment; fields are known, in order, and none occurs twice;
      11. no key was used longer after its evidence was made than the policy allows; nothing is of
          the future.

    Args:
        unverified: the file, at most `limits.CERTIFICATE` bytes.
        policy: what the relying party demands.
        now_ms: verification time.
        steps: told how far the verification comes.

    Raises:
        MalformedError: step 1.
        PolicyError: step 3, or age in step 11.
        VerificationError: any other step.
    """
    steps = steps or Steps(RUN_STEPS)
    steps.reach(1)
    certificate = RunCertificate.decode(unverified)
    steps.reach(2)
    genesis, pinned = require_pinned(certificate.genesis, policy)
    chain_id = genesis.chain_id()
    steps.reach(3)
    require_accepted(genesis, policy)
    steps.reach(4)
    unverified_finish = _finish(certificate.finished.part())
    needed = _keys_used(certificate.accepted, certificate.finished, unverified_finish)
    listed = [
        (bundle.attested.role, key_id(bundle.attested.signing_key))
        for bundle in certificate.evidence
    ]
    if listed != needed:
        raise _invalid("the evidence is not of exactly the keys that signed")
    keys = {
        (bundle.attested.role, key_id(bundle.attested.signing_key)): appraise_of_record(
            bundle,
            genesis,
            role=bundle.attested.role,
            allow_simulated=policy.allow_simulated,
            now_ms=now_ms,
        )
        for bundle in certificate.evidence
    }
    steps.reach(5)
    accepted, accepted_at, accepted_key = _entry(certificate.accepted, "request", keys, genesis)
    steps.reach(6)
    finished, finished_at, finished_key = _entry(certificate.finished, "finish", keys, genesis)
    _require_after(certificate, accepted_at, finished_at)
    steps.reach(7)
    for part in (accepted, finished):
        require_code(part, genesis)
    task_hash = accepted.task_hash
    if task_hash is None or finished.task_hash != task_hash:
        raise _invalid("acceptance and end are of different tasks")
    if accepted.code:
        raise _invalid("the request was not accepted")
    steps.reach(8)
    finish, runner = _signed_finish(finished, keys)
    if finish.chain_id != chain_id or finish.task_hash != task_hash:
        raise _invalid("the runner's statement is of another task or chain")
    if finish.exec_id != certificate.accepted.exec_id():
        raise _invalid("the runner's statement is of another execution")
    steps.reach(9)
    claimed = claims_digest(certificate.commitments)
    if len(certificate.commitments) != len(TASK_FIELDS):
        raise _invalid("the commitments do not cover the fields")
    if not claimed == finish.claims == finished.claims:
        raise _invalid("the commitments are not those that were claimed")
    steps.reach(10)
    _require_openings(certificate)
    steps.reach(11)
    stale_ms = max(
        require_age(accepted_key, accepted_at, policy, now_ms),
        require_age(finished_key, finished_at, policy, now_ms),
        require_age(runner, finished_at, policy, now_ms),
    )
    steps.end()
    return Verdict(
        subject="run",
        fingerprint=pinned,
        chain_id=chain_id,
        measurement=genesis.measurement,
        task_hash=task_hash,
        platform=genesis.configuration.platform,
        hardware_rooted=all(key.hardware_rooted for key in keys.values()),
        stale_ms=stale_ms,
        ordering=genesis.configuration.ordering,
        time_source=genesis.configuration.time_source,
        sandbox=certificate.evidence[-1].attested.sandbox,
        accepted_height=accepted_at.facts.height,
        accepted_ms=accepted_at.facts.time_ms,
        finished_height=finished_at.facts.height,
        finished_ms=finished_at.facts.time_ms,
        attempt=finish.attempt,
        shown=shown_values(certificate.openings),
        closed=tuple(
            name
            for name in TASK_FIELDS
            if name not in {opening.field for opening in certificate.openings}
        ),
    )


_Keys = Mapping[tuple[str, bytes], KeyOfRecord]


def require_pinned(unverified_genesis: bytes, policy: CertificatePolicy) -> tuple[Genesis, bytes]:
    """Return genesis and its fingerprint, which the policy pins.

    Raises:
        MalformedError: not the one encoding of a genesis.
        VerificationError: the fingerprint is not pinned.
    """
    genesis = Genesis.decode(unverified_genesis)
    found = pinned_fingerprint(genesis)
    if not policy.fingerprints:
        raise VerificationError("not_trusted", "no fingerprint is pinned")
    if found not in policy.fingerprints:
        raise VerificationError(
            "fingerprint_mismatch", f"it is of a node with the fingerprint {found.hex()}"
        )
    return genesis, found


def require_accepted(genesis: Genesis, policy: CertificatePolicy) -> None:
    """Refuse a platform or an ordering that the policy does not accept.

    Raises:
        PolicyError: the policy does not accept it.
    """
    configuration = genesis.configuration
    if configuration.platform == "simulated" and not policy.allow_simulated:
        raise PolicyError(
            "simulated_refused", "the run was on a simulated platform, which is not allowed here"
        )
    if configuration.platform not in policy.kinds:
        raise PolicyError("evidence_kind", f"platform {configuration.platform} is not accepted")
    require_ordering(configuration.ordering, policy.least_ordering)


def require_age(
    key: KeyOfRecord, checkpoint: Checkpoint, policy: CertificatePolicy, now_ms: int
) -> int:
    """Return by how many milliseconds evidence was older, when its key was used, than allowed.

    Raises:
        VerificationError: the use lies in the future.
        PolicyError: too old, and the policy does not allow it.
    """
    used_ms = checkpoint.facts.time_ms
    if used_ms > now_ms + limits.CLOCK_SKEW_MS:
        raise _invalid("a block is from the future")
    over = used_ms - key.issued_ms - policy.max_evidence_age_ms
    if over > 0 and not policy.allow_stale:
        raise PolicyError(
            "evidence_stale", f"the evidence of the {key.role} key was too old when it was used"
        )
    return max(0, over)


def _finish(unverified: PublicPart) -> Finish:
    if unverified.kind != "finish" or unverified.body is None:
        raise _invalid("there is no statement of the task's end")
    return SignedFinish.decode(unverified.body).finish


def _keys_used(
    accepted: EntryProof, finished: EntryProof, finish: Finish
) -> list[tuple[str, bytes]]:
    """Return role and key id of every key that signed, each once, in the order of first use."""
    used = [
        ("recorder", accepted.facts().key_id),
        ("recorder", finished.facts().key_id),
        ("runner", key_id(finish.runner_key)),
    ]
    return list(dict.fromkeys(used))


def _entry(
    proof: EntryProof, kind: str, keys: _Keys, genesis: Genesis
) -> tuple[PublicPart, Checkpoint, KeyOfRecord]:
    """Verify one entry; return its public part, the checkpoint over it, and the key that signed."""
    recorder = keys[("recorder", proof.facts().key_id)]
    part, checkpoint = proof.verify(recorder.public, genesis.chain_id())
    require_entry(part, checkpoint, kind, genesis)
    return part, checkpoint, recorder


def require_entry(part: PublicPart, checkpoint: Checkpoint, kind: str, genesis: Genesis) -> None:
    """Refuse an entry of another kind, or under another ordering than genesis fixes.

    Raises:
        VerificationError: it is such an entry.
    """
    if part.kind != kind:
        raise _invalid(f"the entry is not a {kind}")
    fixed = genesis.configuration
    if (checkpoint.facts.ordering, checkpoint.facts.time_source) != (
        fixed.ordering,
        fixed.time_source,
    ):
        raise _invalid("the checkpoint names another ordering or time source than genesis")


def require_code(part: PublicPart, genesis: Genesis) -> None:
    """Refuse an entry that other code has executed.

    Raises:
        VerificationError: it is such an entry.
    """
    if part.measurement != genesis.measurement:
        raise _invalid("the entry was executed by other code")


def _require_after(
    certificate: RunCertificate, accepted_at: Checkpoint, finished_at: Checkpoint
) -> None:
    start = Receipt.decode(certificate.accepted.receipt).proof.index
    end = Receipt.decode(certificate.finished.receipt).proof.index
    if (
        finished_at.facts.height < accepted_at.facts.height
        or finished_at.facts.time_ms < accepted_at.facts.time_ms
        or end <= start
    ):
        raise _invalid("the end comes before the acceptance")


def _signed_finish(part: PublicPart, keys: _Keys) -> tuple[Finish, KeyOfRecord]:
    if part.body is None:
        raise _invalid("there is no statement of the task's end")
    finish = SignedFinish.decode(part.body).verify()
    runner = keys[("runner", key_id(finish.runner_key))]
    # A key id is eight bytes: the whole key decides.
    if runner.public != finish.runner_key:
        raise _invalid("the runner's key is not the attested one")
    return finish, runner


def _require_openings(certificate: RunCertificate) -> None:
    places = []
    for opening in certificate.openings:
        verify_opening(
            TASK_FIELDS, certificate.commitments, opening.field, opening.salt, opening.value
        )
        places.append(TASK_FIELDS.index(opening.field))
    if places != sorted(set(places)):
        raise _invalid("the openings are not in order, or one occurs twice")
