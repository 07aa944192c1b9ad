"""What a client keeps on its own disk, as messages: pins, the appraised node, tickets, its list of
requests.

These never travel. They are messages so that there is one encoder with bounds, and so that `repr`
shows nothing: tickets and signed requests hold keys.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from adyton.core import limits
from adyton.core.fields import AtMost, OneOf
from adyton.core.schema import Bytes32, Code, Message, Name, Uint, Uint32, message
from adyton.protocol.envelope import TicketBytes, Word
from adyton.protocol.task import Argument, TaskLimits

TICKETS_KEPT: Final = 4 * limits.TICKETS_PER_KEY
PENDING: Final = "pending"  # sent, or about to be; whether it took effect is not known
ACCEPTED: Final = "accepted"  # recorded; a task's end is still to come
FINISHED: Final = "finished"
REFUSED: Final = "refused"
Encoded = Annotated[bytes, AtMost(limits.PUBLIC_PART + 16 * limits.KIB)]
Claimed = Annotated[bytes, AtMost(limits.ARGUMENTS_BYTES)]


@message("keystore-pin/1", max_bytes=16 * limits.KIB)
class Pin(Message):
    """What this client holds a server to.

    Attributes:
        server: normalised URL.
        fingerprint: that came to the client by another way than the server.
        genesis: encoded genesis of the chain that the fingerprint covers.
    """

    server: Annotated[str, AtMost(2048)]
    fingerprint: Bytes32
    chain_id: Bytes32
    genesis: Annotated[bytes, AtMost(8192)]


@message("keystore-node/1", max_bytes=5 * limits.EVIDENCE)
class AppraisedNode(Message):
    """The node evidence that was appraised last, with what a second appraisal needs.

    Attributes:
        evidence: encoded `NodeEvidence`.
        nonce: that this client had drawn for it.
        appraised_ms: client's clock.
    """

    evidence: Annotated[bytes, AtMost(4 * limits.EVIDENCE)]
    nonce: Annotated[bytes, AtMost(limits.NONCE)]
    appraised_ms: Uint


@message("keystore-tickets/1", max_bytes=64 * limits.KIB)
class Tickets(Message):
    """The client's own server key, and the tickets it may still use.

    Attributes:
        server_key: X25519 public key, secret to this client.
        epoch: to which key and tickets belong.
        tickets: each for one envelope.
    """

    server_key: Bytes32
    epoch: Uint32
    tickets: Annotated[tuple[TicketBytes, ...], AtMost(TICKETS_KEPT)]

    def without(self, count: int) -> Tickets:
        """Return what is left when the first `count` tickets are used."""
        return replace(self, tickets=self.tickets[count:])

    def with_ticket(self, ticket: bytes) -> Tickets:
        """Return the same with one more ticket, up to a bound."""
        if ticket in self.tickets or len(self.tickets) >= TICKETS_KEPT:
            return self
        return replace(self, tickets=(*self.tickets, ticket))


@message("keystore-known-claims/1", max_bytes=limits.ENTRY)
class KnownClaims(Message):
    """The committed values of a task that its client knows before it runs."""

    code: Bytes32
    inputs: Claimed
    arguments: Annotated[tuple[Argument, ...], AtMost(limits.TASK_ARGUMENTS)]
    stdin: Bytes32
    limits: TaskLimits


@message("keystore-record/1", max_bytes=4 * limits.ENTRY)
class RequestRecord(Message):
    """One request of this client, from before it is sent until its result is fetched.

    Attributes:
        request_id: from which result key and response key follow.
        task_hash: of the envelope that is pending, or of the entry that was accepted.
        signed: encoded `SignedRequest`, until it is accepted: to seal it anew.
        envelope: encoded `Envelope`, until it is accepted: to send identical bytes again.
        exec_id: of the acceptance, once proven.
        accepted: encoded proof of the acceptance.
        finished: encoded proof of a task's end.
        claimed: what the client knows of a task's claims; absent in a list that was rebuilt.
        code: why it was refused, else empty.
    """

    request_id: Bytes32
    task_hash: Bytes32
    app: Word
    method: Word
    name: Name
    created_ms: Uint
    ordering: Annotated[str, AtMost(16)]
    state: Annotated[str, OneOf.of(PENDING, ACCEPTED, FINISHED, REFUSED)]
    signed: Annotated[bytes, AtMost(limits.ENVELOPE)] | None
    envelope: Annotated[bytes, AtMost(limits.ENVELOPE)] | None
    exec_id: Bytes32 | None
    accepted: Encoded | None
    finished: Encoded | None
    claimed: KnownClaims | None
    code: Code
