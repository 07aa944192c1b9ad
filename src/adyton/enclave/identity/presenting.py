"""Presentations: checked in numbered steps, answered with yes or no and one coarse word.

Steps 1 to 5 look at the request alone; where one fails, nothing is opened and nothing used up. From step 6 on there is
a verdict, and the request is used up whatever it says. Time is block time; nothing here draws randomness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adyton.core import limits
from adyton.core.errors import (
    CredentialError,
    Error,
    InvariantError,
    PolicyError,
    UsageError,
)
from adyton.enclave.apps.base import Call
from adyton.enclave.identity.book import Book
from adyton.enclave.identity.checklists import Checklists
from adyton.enclave.identity.issuers import Issuers
from adyton.enclave.identity.lists import Lists
from adyton.enclave.identity.policies import Asked, Policies
from adyton.enclave.identity.uses import Uses
from adyton.enclave.keys import Keys
from adyton.enclave.range_prover import RangeProver
from adyton.protocol.credentials.age import cutoff_day
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.presentation import (
    Credential,
    Expected,
    check_presentation,
    signed_facts,
    text_of,
)
from adyton.protocol.credentials.pseudonym import pseudonym
from adyton.protocol.credentials.range_proof import Statement
from adyton.protocol.credentials.reasons import WORDS, Reason, refused
from adyton.protocol.credentials.steps import Checklist, Step
from adyton.protocol.identity.answers import NO, YES, CredentialUse, Verdict
from adyton.protocol.identity.giving_up import require_used
from adyton.protocol.identity.opening import open_presentation
from adyton.protocol.identity.record import commitments, proof_bound, with_proof
from adyton.protocol.identity.registries import PartyRecord
from adyton.protocol.identity.requests import (
    Present,
    Presented,
)

_WHAT: Final = "what was sealed"


@dataclass(slots=True)
class _Check:
    """One request, as far as its check has come.

    Attributes:
        asked: the request and what was sealed for it.
        name: of the request.
        party: the relying party.
        policy: its policy.
        presented: what was sealed, once it is open.
        issuer: record of the credential's issuer, once it is found.
        credential: once all steps are passed.
    """

    asked: Present
    name: bytes
    party: PartyRecord
    policy: Asked
    presented: Presented | None = None
    issuer: bytes = b""
    credential: Credential | None = None


@dataclass(frozen=True)
class Presenting:
    """Checks presentations.

    Attributes:
        keys: of the chain.
        book: of records.
        policies: of the book.
        issuers: of the book.
        lists: status lists.
        checklists: where it is kept how far each has come.
        uses: tells holders.
        prover: makes range proofs; None where the image has no library for them.
    """

    keys: Keys
    book: Book
    policies: Policies
    issuers: Issuers
    lists: Lists
    checklists: Checklists
    uses: Uses
    prover: RangeProver | None

    def present(self, call: Call) -> tuple[Verdict, bytes]:
        """Return the verdict on a presentation, and a sealed use.

        Raises:
            Error: one of steps 1 to 5 fails: there is no verdict, and nothing is used up.
        """
        steps = Checklist()
        check = self._admit(call, steps)
        steps.at(Step.UNUSED)
        problem: CredentialError | None = None
        if self.book.is_used(check.name):
            problem = refused(Reason.REQUEST_USED, "the request")
            return self._verdict(call, check, problem), self._sealed_use(call, check, steps, NO)
        self.book.use(check.name, check.asked.request.deadline_ms)
        try:
            self._check(call, check, steps)
        except CredentialError as refusal:
            problem = refusal
        except InvariantError:
            raise
        except Error:
            # What was opened has a verdict, whatever it made fail.
            problem = refused(Reason.PRESENTED, _WHAT)
        self.checklists.keep(call, check.name, check.asked.request.party, steps, problem)
        verdict = self._verdict(call, check, problem)
        return verdict, self._sealed_use(call, check, steps, verdict.answer)

    def _admit(self, call: Call, steps: Checklist) -> _Check:
        """Take steps 1 to 5."""
        steps.at(Step.SIZE)
        asked = Present.decode(call.request.arguments)
        request = asked.request

        steps.at(Step.REQUEST)
        if request.chain_id != self.keys.chain_id:
            raise PolicyError("wrong_chain", "the request is for another network")
        party = self.book.record(request.party, PartyRecord)
        policy = self.policies.policy(request.policy)
        if policy.record.party != request.party:
            raise UsageError("not_found", "the policy is not one of this relying party")
        require_used(party, "the relying party")
        require_used(policy.record, "the policy")
        if policy.hash != request.policy_hash:
            raise PolicyError("policy_changed", "the policy was changed; make a new request")
        if policy.record.range_proof and self.prover is None:
            raise UsageError("zk_unavailable", "this image makes no range proofs")

        steps.at(Step.SENDER)
        if call.request.client_key not in party.senders:
            raise PolicyError("not_sender", "the relying party does not have this client bring it")

        steps.at(Step.DEADLINE)
        if call.time_ms >= request.deadline_ms:
            raise PolicyError("deadline_passed", "the request's deadline has passed; make another")
        if request.deadline_ms > call.time_ms + limits.IDENTITY_AHEAD_S * 1000:
            raise UsageError("bad_argument", "a request's deadline is at most a week ahead")

        steps.at(Step.EPOCH)
        # A request holds nothing secret, and is good to its deadline in later epochs too: only what is sealed dies.
        if request.epoch > self.keys.epoch:
            raise UsageError("bad_argument", "the request names an epoch that has not begun")
        try:
            self.keys.intake(asked.sealed.epoch)
        except PolicyError as problem:
            raise PolicyError(
                "epoch_ended", "the epoch that it is sealed to is not open; seal it anew"
            ) from problem
        return _Check(asked, request.name(), party, policy)

    def _check(self, call: Call, check: _Check, steps: Checklist) -> None:
        """Take steps 7 to 22; the holder is only who the check finds.

        Raises:
            CredentialError: a step fails; the list says which.
        """
        request, sealed = check.asked.request, check.asked.sealed
        key = self.keys.intake(sealed.epoch)
        check.presented = open_presentation(sealed, key, request.chain_id, check.name, steps)

        def key_of(iss: str, kid: str | None) -> PublicKey | None:
            issuer = check.policy.issuers.get(iss)
            if issuer is None:
                return None
            check.issuer = issuer
            return self.issuers.key(issuer, kid)

        now_s = call.time_ms // 1000
        check.credential = check_presentation(
            check.presented.presentation,
            policy=check.policy.of_credential,
            expected=Expected(request.audience, check.name.hex()),
            now_s=now_s,
            issuer_key=key_of,
            status_of=lambda reference: self.lists.status(check.issuer, reference, now_s),
            checklist=steps,
        )

    # --- what is told ---------------------------------------------------------------------------

    def _verdict(self, call: Call, check: _Check, problem: CredentialError | None) -> Verdict:
        request, epoch = check.asked.request, self.keys.epoch
        if problem is not None or check.credential is None:
            reason = WORDS[problem.reason] if problem is not None else Reason.PRESENTED
            return Verdict(
                check.name, request.party, check.policy.hash, epoch, NO, reason.coarse.value,
                None, b"", 0,
            )  # fmt: skip
        known = self._pseudonym(check, check.credential)
        verdict = Verdict(
            check.name, request.party, check.policy.hash, epoch, YES, "", known, b"", 0
        )
        return self._proven(call, check, check.credential, verdict)

    def _pseudonym(self, check: _Check, credential: Credential) -> bytes | None:
        claim = check.policy.record.pseudonym
        if not claim:
            return None
        # By the issuer's record: a party that registers an issuer of the same name, with keys of its own, could else
        # have credentials of its making checked until a pseudonym fits, and so find the claim by trying.
        issuer = check.issuer.hex()
        value = credential.claims[claim]
        return pseudonym(self.keys.pseudonyms, check.asked.request.party, issuer, claim, value)

    def _proven(
        self, call: Call, check: _Check, credential: Credential, verdict: Verdict
    ) -> Verdict:
        age = check.policy.of_credential.age
        if self.prover is None or age is None or credential.birth_day is None:
            return verdict
        made = commitments(verdict, call.request.result_key, call.exec_id)
        cutoff = cutoff_day(age, call.time_ms // 1000)
        statement = Statement(cutoff, proof_bound(made, call.exec_id))
        proof = self.prover.prove(self.keys.ranges(), statement, credential.birth_day)
        return with_proof(verdict, proof, cutoff)

    def _sealed_use(self, call: Call, check: _Check, steps: Checklist, answer: str) -> bytes:
        """Tell the holder whom the issuer has named, whatever else did not hold."""
        credential, presented = check.credential, check.presented
        holder: PublicKey | None = None
        vct = subject = ""
        if credential is not None:
            vct, holder = credential.vct, credential.holder
            subject = text_of(credential.claims, "sub")
        elif presented is not None and steps.now > Step.SIGNATURE:
            try:
                vct, holder, subject = signed_facts(presented.presentation)
            except InvariantError:
                raise
            except Error:
                holder = None  # the credential is nobody's
        use = None
        if holder is not None:
            request = check.asked.request
            use = CredentialUse(
                check.name, request.party, check.party.name, check.policy.hash, self.keys.epoch,
                call.height, call.time_ms, answer, check.issuer,
                vct if vct in check.policy.of_credential.types else "",
            )  # fmt: skip
        # What the issuer has signed goes first: whoever presents a stolen credential would not name its holder.
        dids = (subject, "" if presented is None else presented.did)
        return self.uses.seal(call.exec_id, use, holder, dids)
