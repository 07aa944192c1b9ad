"""Proposals: what waits until enough of those whom a policy names have agreed to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from adyton.core.errors import PolicyError, UsageError
from adyton.enclave.apps.base import Call
from adyton.enclave.wallet.book import Book
from adyton.protocol.wallet.answers import Proposal, Wallet
from adyton.protocol.wallet.policy import Approvals
from adyton.protocol.wallet.requests import Approve, proposal_digest, proposal_id

_WITHIN_S: Final = 24 * 3600


@dataclass(frozen=True)
class Approved:
    """What a proposal has, when it is claimed.

    Attributes:
        proposal: its name.
        requester: who made it.
        clients: who has approved it.
    """

    proposal: bytes
    requester: bytes
    clients: frozenset[bytes]

    def missing(self, wanted: Approvals) -> int:
        """Return how many approvals are missing by what is wanted now; nobody approves what they have asked for."""
        return max(0, wanted.m - len((self.clients & wanted.keys) - {self.requester}))


def propose(book: Book, call: Call, wallet: Wallet, content: bytes, wanted: Approvals) -> Proposal:
    """Write a proposal of what a request asks for, and return it.

    Raises:
        UsageError: `wallet_full`, as many wait as can.
    """
    method, requester = call.request.method, call.request.client_key
    book.require_proposal_room(wallet.wallet, requester)
    within_s = _WITHIN_S if wanted.within_s is None else wanted.within_s
    proposal = Proposal(
        proposal=proposal_id(call.exec_id),
        wallet=wallet.wallet,
        method=method,
        requester=requester,
        content=content,
        digest=proposal_digest(wallet.wallet, method, requester, wallet.policy_hash, content),
        needed=wanted.m,
        approvers=tuple(sorted(wanted.keys)),
        approved=(),
        expires_ms=call.time_ms + within_s * 1000,
    )
    book.write_proposal(proposal)
    return proposal


def visible(book: Book, proposal: bytes, client: bytes, now_ms: int) -> tuple[Proposal, Wallet]:
    """Return a proposal and its wallet, if the client may know them.

    Raises:
        UsageError: `not_found`; the same where it is not for this client. Names of proposals can be computed from
        what is public of a block, so another answer would tell which entries are of wallets.
    """
    held = book.open_proposal(proposal, now_ms)
    if held is None or not book.knows(held.wallet, client):
        raise UsageError("not_found", "no open proposal of that name; it may have expired")
    return held, book.wallet(held.wallet, client)


def approve(proposal: Proposal, wallet: Wallet, asked: Approve, client: bytes) -> Proposal:
    """Return a proposal with one approval more.

    Raises:
        PolicyError: `payment_refused`, the client is not one of those who can approve it.
        UsageError: `bad_argument`, another content than was approved, or the policy has changed.
    """
    if client == proposal.requester:
        raise PolicyError("payment_refused", "nobody approves what they have asked for themselves")
    if client not in proposal.approvers:
        raise PolicyError("payment_refused", "the policy does not name this client as an approver")
    if asked.digest != proposal.digest:
        raise UsageError("bad_argument", "the digest is of another proposal; read it again")
    if proposal.digest != proposal_digest(
        wallet.wallet, proposal.method, proposal.requester, wallet.policy_hash, proposal.content
    ):
        raise UsageError(
            "bad_argument", "the policy has changed since; the request has to be made anew"
        )
    if client in proposal.approved:
        return proposal
    return replace(proposal, approved=(*proposal.approved, client))
