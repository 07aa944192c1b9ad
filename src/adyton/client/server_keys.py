"""First contact and its fruits: the server key that is this client's alone, and one-time
tickets."""

from __future__ import annotations

import secrets
from dataclasses import replace

from adyton.attestation.node import NodeAppraisal
from adyton.client.chain_keeping import ChainStore
from adyton.client.keystore import Identity
from adyton.client.records import Tickets
from adyton.client.server_api import ServerApi
from adyton.client.view_keeper import ViewKeeper
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, equal
from adyton.core.errors import PolicyError, VerificationError
from adyton.protocol.envelope import (
    Envelope,
    Invite,
    KeyRequest,
    SealedKeyRequest,
    SignedKeyAnswer,
    SignedKeyRequest,
    SignedRequest,
)


class ServerKeys:
    """Seals envelopes: takes a ticket for each, and makes first contact when none is left.

    Args:
        store: where tickets are kept; shared with other processes.
        api: the server.
        identity: this client's keys.
        keeper: knows the attested node.
        invite: where the chain admits by invitation.
    """

    def __init__(
        self,
        store: ChainStore,
        api: ServerApi,
        identity: Identity,
        keeper: ViewKeeper,
        invite: Invite | None,
    ) -> None:
        self._store = store
        self._api = api
        self._identity = identity
        self._keeper = keeper
        self._invite = invite

    def seal(self, signed: SignedRequest, chain_id: bytes, purpose: str) -> Envelope:
        """Seal a signed request to this client's server key, under a ticket never used before.

        Raises:
            UnavailableError, EvidenceError, VerificationError, PolicyError: as the first contact.
        """
        appraisal, _ = self._keeper.appraise()
        held = self._take(appraisal)
        return Envelope.seal(
            signed,
            server_key=held.server_key,
            chain_id=chain_id,
            epoch=held.epoch,
            ticket=held.tickets[0],
            purpose=purpose,
        )

    def put_back(self, ticket: bytes | None, epoch: int) -> None:
        """Keep a ticket that came with an answer, as long as its epoch is the one in use."""
        if ticket is None:
            return
        with self._store.locked():
            held = self._store.tickets()
            if held is not None and held.epoch == epoch:
                self._store.put_tickets(held.with_ticket(ticket))

    def forget(self, epoch: int) -> None:
        """Forget server key and tickets of an epoch, which the server refused, and appraise the node anew.

        Where another thread or process has done so already, what it was given stays.
        """
        with self._store.locked():
            held = self._store.tickets()
            if held is not None and held.epoch <= epoch:
                self._store.put_tickets(None)
        if self._keeper.appraise()[0].epoch.epoch <= epoch:
            self._keeper.appraise(fresh=True)

    def _take(self, appraisal: NodeAppraisal) -> Tickets:
        """Take one ticket, with the server key and the epoch that it goes with."""
        epoch = appraisal.epoch.epoch
        while True:
            # Invariant: a ticket leaves the file under the lock before it is used, so that none is
            # used twice.
            with self._store.locked():
                held = self._store.tickets()
                # Tickets of a later epoch came through a later appraisal of this client's.
                if held is not None and held.epoch >= epoch and held.tickets:
                    self._store.put_tickets(replace(held, tickets=held.tickets[1:]))
                    return replace(held, tickets=held.tickets[:1])
            epoch = self._merge(self._first_contact())

    def refill(self) -> None:
        """Make first contact if there is no ticket, so that the next request is one round trip."""
        with self._store.locked():
            held = self._store.tickets()
        if held is None or not held.tickets:
            self._merge(self._first_contact())

    def _merge(self, fresh: Tickets) -> int:
        """Add fresh tickets to those that another process may have stored; return their epoch."""
        with self._store.locked():
            held = self._store.tickets()
            if held is not None and held.epoch > fresh.epoch and held.tickets:
                return held.epoch
            if held is not None and (held.epoch, held.server_key) == (
                fresh.epoch,
                fresh.server_key,
            ):
                for ticket in held.tickets:
                    fresh = fresh.with_ticket(ticket)
            self._store.put_tickets(fresh)
        return fresh.epoch

    def _first_contact(self) -> Tickets:
        """Ask for server key and tickets; a node that restarted or re-keyed meanwhile is appraised
        anew.

        Raises:
            VerificationError: the answer is not the attested node's to this request.
        """
        try:
            return self._ask(*self._keeper.appraise())
        except (VerificationError, PolicyError) as problem:
            if problem.code not in ("bad_signature", "wrong_epoch", "unopenable"):
                raise
            return self._ask(*self._keeper.appraise(fresh=True))

    def _ask(self, appraisal: NodeAppraisal, evidence_digest: bytes) -> Tickets:
        reply_key = HpkeKey(secrets.token_bytes(32))
        key = self._identity.signing_key
        request = KeyRequest(
            key.public,
            reply_key.public,
            secrets.token_bytes(32),
            evidence_digest,
            appraisal.chain_id,
            self._invite,
        )
        signed = SignedKeyRequest.sign(request, key)
        epoch = appraisal.epoch
        sealed = SealedKeyRequest.seal(signed, epoch.intake_key, appraisal.chain_id, epoch.epoch)
        unverified = self._api.post_key(sealed.encode())
        opened = reply_key.open(
            unverified, Context.HPKE_KEY_ANSWER, appraisal.chain_id, signed.digest()
        )
        answer = SignedKeyAnswer.decode(opened).verify(appraisal.recorder_key)
        if not equal(answer.request_digest, signed.digest()):
            raise VerificationError("answer_invalid", "the key answer is for another request")
        if answer.epoch != epoch.epoch:
            raise VerificationError("answer_invalid", "the key answer is of another epoch")
        if not answer.tickets:
            raise VerificationError("answer_invalid", "a key answer without tickets")
        return Tickets(answer.server_key, answer.epoch, answer.tickets)
