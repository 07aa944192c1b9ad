"""The holder's side of a request: who asks for what, on whose word, and what is sealed in answer.

Whoever asks is looked up on the network, under a fingerprint that was pinned before; the request itself is believed
nothing. What is sealed opens in that network's enclave alone, for this request alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adyton.client.credentials.holding import bind
from adyton.client.credentials.holding import present as show
from adyton.client.identity import resolve
from adyton.client.identity_age import date_text, policy_cutoff
from adyton.client.identity_dids import OwnDid
from adyton.client.identity_disclosure import Choice
from adyton.client.identity_held import bound_to
from adyton.client.problems import error_of, printable
from adyton.client.session import Session
from adyton.core.errors import PolicyError, UsageError, VerificationError
from adyton.protocol.identity.giving_up import is_given_up, require_used
from adyton.protocol.identity.registries import IssuerRecord, PartyRecord, PolicyRecord
from adyton.protocol.identity.requests import (
    Present,
    PresentationRequest,
    Presented,
    SealedPresentation,
)

EPOCH_ENDED = "epoch_ended"


@dataclass(frozen=True)
class Asking:
    """A request, with what the network holds of those that it names.

    Attributes:
        request: as it came.
        party: who asks.
        policy: what for; its hash is the request's.
        issuers: whose credentials it takes, by name of their record.
    """

    request: PresentationRequest
    party: PartyRecord
    policy: PolicyRecord
    issuers: dict[bytes, IssuerRecord]

    def by_iss(self) -> dict[str, bytes]:
        """Return the record of each issuer by what its credentials call it; of those that were not given up."""
        return {
            record.iss: name for name, record in self.issuers.items() if not is_given_up(record)
        }


@dataclass(frozen=True)
class Reply:
    """What a relying party answers a holder: its word, which nothing proves.

    Attributes:
        code: why there is no verdict; empty where there is one.
        message: for people.
        answer: `yes` or `no`; empty with a code.
        reason: one coarse word; empty with `yes`.
    """

    code: str
    message: str
    answer: str
    reason: str


def read_asking(session: Session, unverified: PresentationRequest) -> Asking:
    """Look up who asks for what.

    Trust: runs at the holder; the request comes from anybody.

    1. it is for the network whose fingerprint is pinned
    2. its deadline has not passed
    3. its policy is registered, was not given up, and is the version that it names
    4. the policy is the party's, which was not given up, and the issuers that it takes are registered

    Raises:
        VerificationError: `wrong_chain`, or records that do not belong together. PolicyError: `deadline_passed`,
        `policy_changed`, `record_given_up`. UsageError: `not_found`. Error: as `Session.read`.
    """
    # 1.
    if unverified.chain_id != session.pin.chain_id:
        raise VerificationError(
            "wrong_chain",
            f"the request is for the network {unverified.chain_id.hex()[:16]}, which is not the one that is asked here",
        )
    # 2.
    if unverified.deadline_ms <= session.now_ms():
        raise PolicyError("deadline_passed", "the request's deadline has passed; ask for another")
    # 3.
    policy = resolve(session, unverified.policy, PolicyRecord)
    require_used(policy, "the relying party's policy")
    if policy.hash() != unverified.policy_hash:
        raise PolicyError("policy_changed", "the policy was changed since; ask for a new request")
    # 4.
    party = resolve(session, unverified.party, PartyRecord)
    if policy.party != unverified.party or policy.owner != party.owner:
        raise VerificationError("answer_invalid", "the policy is not one of this relying party")
    require_used(party, "the relying party")
    issuers = {name: resolve(session, name, IssuerRecord) for name in policy.issuers}
    return Asking(unverified, party, policy, issuers)


def asking_lines(asking: Asking, choice: Choice) -> list[str]:
    """Return in words who asks for what, and what each side learns."""
    policy, party = asking.policy, asking.party
    names = ", ".join(
        printable(record.name) + (" (given up)" if is_given_up(record) else "")
        for record in asking.issuers.values()
    )
    lines = [
        f"{printable(party.name)} asks: {printable(policy.name)}",
        f"  relying party   {asking.request.party.hex()}",
        f"  registered by   {party.owner.hex()}",
        f"  wants           {_wanted(asking)}",
        f"  issued by       {names}",
        f"you would present the {printable(choice.held.text_of('vct'))} {choice.held.name}",
        f"  the enclave sees   {', '.join(map(printable, choice.shown)) or 'that it is valid'}",
        f"  {printable(party.name)} learns   yes or no, and one word why not",
    ]
    if policy.pseudonym:
        lines.append(
            f"  and a pseudonym    made of {printable(policy.pseudonym)}: it knows you again, nobody else does"
        )
    if policy.range_proof:
        day = date_text(policy_cutoff(policy, asking.request.deadline_ms))
        lines.append(
            f"  and a proof        that you were born on {day} or before, which day it is of that time"
        )
    lines += [f"  but the answer will be no: {problem}" for problem in choice.problems]
    return lines


def _wanted(asking: Asking) -> str:
    policy = asking.policy
    said = [f"to be {policy.age_over} or older"] if policy.age_over else []
    said += [f"{printable(name)} to be there" for name in policy.claims]
    said.append(f"a credential of type {' or '.join(map(printable, policy.types))}")
    if policy.status:
        said.append("that is not revoked")
    return ", ".join(said)


def seal_answer(session: Session, asking: Asking, choice: Choice, own: OwnDid) -> Present:
    """Appraise the node anew, and seal a presentation to the key of its present epoch.

    Raises:
        UsageError: the credential is bound to another key. EvidenceError: the node does not pass.
        Error: as `Session.appraise`.
    """
    key = own.key_of(bound_to(choice.held.credential))
    if choice.held.did != own.did or key is None:
        raise UsageError("bad_argument", "the credential is bound to another did")
    epoch = session.appraise(fresh=True).epoch
    request = asking.request
    bound = bind(
        show(choice.held.credential, choice.disclosed),
        key=key,
        audience=request.audience,
        nonce=request.nonce,
        now_s=session.now_ms() // 1000,
    )
    sealed = SealedPresentation.seal(
        Presented(bound, own.did), epoch.intake_key, request, epoch.epoch
    )
    return Present(request, sealed)


def hand_over(
    seal: Callable[[], Present], send: Callable[[Present], Reply], told: Callable[[], None]
) -> Reply:
    """Give a presentation to whoever asked, and once more under the next epoch's key where the first has ended.

    Args:
        seal: makes it, under the key of the epoch that is.
        send: hands it over.
        told: called where it is sealed anew.

    Raises:
        Error: there is no verdict; by its code.
    """
    presented = seal()
    reply = send(presented)
    if reply.code == EPOCH_ENDED:
        again = seal()
        if again.sealed.epoch != presented.sealed.epoch:
            told()
            reply = send(again)
    if reply.code:
        raise error_of(reply.code, f"the relying party says: {printable(reply.message)}")
    return reply
