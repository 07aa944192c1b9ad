"""Answers of the identity app, and what everybody may read of its entries."""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.fields import AtMost, Exactly, OneOf
from adyton.core.schema import Bytes32, Code, Message, Uint, Uint32, message
from adyton.protocol.derived import DERIVED_OVERHEAD
from adyton.protocol.identity.registries import Text

YES: Final = "yes"
NO: Final = "no"
COARSE: Final = (
    "",
    "untrusted_issuer",
    "expired",
    "revoked",
    "not_bound",
    "malformed",
    "wrong_request",
    "policy",
)
ANSWER_LEAST: Final = 2048  # size class of every answer to `present`
USE_LEAST: Final = 2048  # and of every use, before it is sealed
USE_SEALED: Final = USE_LEAST + DERIVED_OVERHEAD

Answered = Annotated[str, OneOf.of(YES, NO)]
CoarseReason = Annotated[str, OneOf.of(*COARSE)]


@message("identity-registered/1", max_bytes=1024)
class Registered(Message):
    """A record was made or changed.

    Attributes:
        name: of the record.
        version: that it has now.
    """

    name: Bytes32
    version: Uint32


@message("identity-status-kept/1", max_bytes=1024)
class StatusKept(Message):
    """A status list was taken in.

    Attributes:
        entries: that it has.
        until_ms: block time from which it is out of date; None where its issuer says nothing.
    """

    entries: Uint
    until_ms: Uint | None


@message("verdict/1", max_bytes=16 * limits.KIB)
class Verdict(Message):
    """The answer to a request: whether a credential fulfils the policy, and nothing about its holder.

    Attributes:
        request: name of the request.
        party: record of the relying party.
        policy_hash: of the policy.
        epoch: of the network when it was checked.
        answer: `yes` or `no`.
        reason: one coarse word; empty with `yes`.
        pseudonym: of the holder at this party; None where the policy asks for none, and with `no`.
        range_proof: encoded `range-proof/1`; empty where the policy asks for none, and with `no`.
        cutoff_day: last birthday that fulfils the policy, days since 1970 plus 65,536; 0 without a range proof.
    """

    request: Bytes32
    party: Bytes32
    policy_hash: Bytes32
    epoch: Uint32
    answer: Answered
    reason: CoarseReason
    pseudonym: Bytes32 | None
    range_proof: Annotated[bytes, AtMost(2048)]
    cutoff_day: Uint32


@message("identity-answer/1", max_bytes=20 * limits.KIB)
class Answer(Message):
    """What `present` is answered with, padded.

    Attributes:
        code: empty, or why there is no verdict; then nothing was opened, and the request is not used up.
        reason: for people.
        verdict: encoded; empty with a code.
    """

    code: Code
    reason: Annotated[str, AtMost(1024)]
    verdict: Annotated[bytes, AtMost(16 * limits.KIB)]


@message("checklist-line/1", max_bytes=1024)
class ChecklistLine(Message):
    """One numbered check: `passed`, `failed`, `not reached` or `not asked`."""

    step: Uint32
    mark: Annotated[str, AtMost(16)]
    reason: Annotated[str, AtMost(40)]
    text: Annotated[str, AtMost(400)]


@message("checklist/1", max_bytes=32 * limits.KIB)
class Checklist(Message):
    """Every check of a request, for the party's developers.

    Attributes:
        request: name of the request.
        height: of the block.
        time_ms: of the block.
        lines: in order.
    """

    request: Bytes32
    height: Uint
    time_ms: Uint
    lines: Annotated[tuple[ChecklistLine, ...], AtMost(32)]


@message("credential-use/1", max_bytes=2048)
class CredentialUse(Message):
    """That a credential was opened: for its holder alone.

    Attributes:
        request: name of the request.
        party: record of the relying party, and its name at that time.
        policy_hash: of the policy.
        epoch, height, time_ms: when.
        answer: what the party was told.
        issuer: record of the credential's issuer.
        type: of the credential; empty where it is not one that the policy takes.
    """

    request: Bytes32
    party: Bytes32
    party_name: Annotated[str, AtMost(limits.NAME)]
    policy_hash: Bytes32
    epoch: Uint32
    height: Uint
    time_ms: Uint
    answer: Answered
    issuer: Bytes32
    type: Text


@message("identity-entry/1", max_bytes=limits.PUBLIC_PART)
class IdentityEntry(Message):
    """What everybody may read of an entry of the identity app.

    Attributes:
        record: encoded record that was made or changed; empty for none.
        sealed_uses: each padded to `USE_LEAST` and sealed to one key (`protocol/derived.py`, index 0); to whose,
            nothing tells. One for each request to check a presentation, also where there is nobody to tell; else none.
    """

    record: Annotated[bytes, AtMost(limits.IDENTITY_RECORD)]
    sealed_uses: Annotated[tuple[Annotated[bytes, Exactly(USE_SEALED)], ...], AtMost(1)]


@message("identity-records/1", max_bytes=limits.ENTRY)
class Records(Message):
    """Encoded records of one client in the order of their names, as many as one answer holds; none are the end."""

    MAX_ITEMS = 2**15

    records: Annotated[
        tuple[Annotated[bytes, AtMost(limits.IDENTITY_RECORD)], ...], AtMost(limits.INDEX_PAGE)
    ]
