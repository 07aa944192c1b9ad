"""From a request to a signature: read, decide, reserve, sign; all of it in one step of ordered execution.

Steps, as in `docs/spec/wallet.md`:
  1. the account is one that the client may know, and the chain orders well enough for its wallet;
  2. under an idempotency key that was used, the answer is the one given then;
  3. the document is read strictly, its nonce chosen;
  4. under a nonce that was used, the same transaction gets the same signature, and another one is a replacement that
     was asked for and pays a tenth more, or is refused;
  5. the policy decides;
  6. what others must approve waits for them;
  7. limits, nonce and audit entry are reserved;
  8. it is signed, and the signature recovered and compared.

Nothing leaves the enclave before the block that holds all of it is stored: the answer is a part of that block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import InvariantError, UsageError
from adyton.enclave.apps.base import Call
from adyton.enclave.wallet.approvals import Approved, propose
from adyton.enclave.wallet.audit import audit_entry, subject_of
from adyton.enclave.wallet.book import Book
from adyton.enclave.wallet.documents import read_intent
from adyton.enclave.wallet.meters import Counts
from adyton.enclave.wallet.records import KeyRecord, SignedEntry, pack_charges, unpack_charges
from adyton.enclave.wallet.vault import Vault
from adyton.protocol.ethereum.messages import personal_hash
from adyton.protocol.ethereum.signature import Signature, sign
from adyton.protocol.ethereum.transaction import WEI_MAX, Encoded, Transaction, join
from adyton.protocol.wallet.answers import PENDING, REFUSED, SIGNED, Signed, Wallet
from adyton.protocol.wallet.decision import NO_CREDIT, decide
from adyton.protocol.wallet.intent import CANCEL, Intent
from adyton.protocol.wallet.policy import APPROVE, DENY, Decision
from adyton.protocol.wallet.requests import Sign, amount
from adyton.protocol.words import require_ordering

_NOTHING: Final = bytes(32)
_BUMP: Final = 10  # a replacement pays at least a tenth more


@dataclass(frozen=True)
class _Asked:
    """A request for a signature, as far as it was looked at."""

    call: Call
    sign: Sign
    wallet: Wallet
    client: bytes
    approved: Approved | None


@dataclass(frozen=True)
class _Content:
    """What would be signed.

    Attributes:
        intent: what was asked for.
        encoded: of a transaction.
        digest: 32 bytes.
    """

    intent: Intent
    encoded: Encoded | None
    digest: bytes


class Signer:
    """Signs what policies allow.

    Args:
        book: of wallets.
        vault: gives the one of their keys.
    """

    def __init__(self, book: Book, vault: Callable[[], Vault]) -> None:
        self._book = book
        self._vault = vault

    def sign(self, call: Call, asked: Sign, approved: Approved | None = None) -> Signed:
        """Carry out a request for a signature.

        Args:
            call: the ordered request.
            asked: its arguments, or those of the proposal that it claims.
            approved: what others have agreed to; None where this is the first request.

        Raises:
            UsageError: `wallet_unknown`, `key_reused`, `nonce_used`, `bad_argument`, `wallet_full`.
            PolicyError: `ordering_unavailable`. MalformedError: the document is not one.
        """
        # 1
        client = call.request.client_key
        wallet = self._book.of_account(asked.account, client)
        require_ordering(call.genesis.configuration.ordering, wallet.ordering)
        request = _Asked(call, asked, wallet, client, approved)
        # 2
        if not asked.key:
            return self._decide(request, _content(read_intent(asked, self._book)))
        key = digest(Context.WALLET_KEY, wallet.wallet, client, asked.key.encode())
        content = digest(Context.WALLET_KEY, replace(asked, key="").encode())
        if approved is None:
            held = self._book.answered(key)
            if held is not None and held.content != content:
                raise UsageError("key_reused", "the idempotency key was used for another request")
            before = None if held is None else Signed.decode(held.answer)
            if before is not None and not self._has_ended(before, call.time_ms):
                return before
        # 3
        told = self._decide(request, _content(read_intent(asked, self._book)))
        if told.status != REFUSED:
            record = KeyRecord(content, told.encode())
            self._book.write_answered(key, record, self._until_ms(told, call.time_ms))
        return told

    def _until_ms(self, told: Signed, now_ms: int) -> int:
        """Return until when an answer is remembered: while a proposal can be claimed, its key makes no other."""
        until_ms = now_ms + limits.WALLET_KEY_S * 1000
        waits = None
        if told.proposal is not None:
            waits = self._book.open_proposal(told.proposal, now_ms)
        return until_ms if waits is None else max(until_ms, waits.expires_ms)

    def _has_ended(self, before: Signed, now_ms: int) -> bool:
        """Say whether an answer was of a proposal that is gone: expired, rejected, or refused when it was claimed."""
        return before.proposal is not None and not self._book.has_proposal(before.proposal, now_ms)

    def _decide(self, asked: _Asked, content: _Content) -> Signed:
        # 4
        policy = self._book.policy(asked.wallet)
        intent = content.intent
        transaction, before = intent.transaction, None
        if transaction is not None:
            before = self._book.signed_under(
                intent.account, transaction.chain_id, transaction.nonce
            )
            if before is None:
                self._require_free(intent.account, transaction, cancel=intent.method == CANCEL)
            elif before.entry.digest == content.digest:
                return self._again(asked, transaction, before)
            else:
                _require_replacement(asked, intent, transaction, before)
        # 5
        counts = self._book.meters.counts(asked.wallet.wallet, asked.call.time_ms)
        if policy is None:
            decision = Decision(DENY, "", "the wallet has no policy yet, so it signs nothing")
        else:
            credit = NO_CREDIT if before is None else unpack_charges(before.charges)
            decision = decide(policy, intent, asked.client, asked.wallet.owner, counts.used, credit)
        if decision.effect == DENY:
            return self._told(asked, content, decision, REFUSED)
        # 6
        if decision.effect == APPROVE and decision.approvals is not None:
            missing = decision.approvals.m
            if asked.approved is not None:
                missing = asked.approved.missing(decision.approvals)
            if missing:
                return self._wait(asked, content, decision, missing)
        # 7, 8
        return self._sign(asked, content, decision, before, counts)

    def _require_free(self, account: bytes, transaction: Transaction, *, cancel: bool) -> None:
        nonce, following = (
            transaction.nonce,
            self._book.next_nonce(account, transaction.chain_id),
        )
        if cancel:
            raise UsageError("nonce_used", "nothing was signed under this nonce: nothing to cancel")
        if nonce < following:
            raise UsageError(
                "nonce_used", f"the account goes on from nonce {following}; leave the nonce out"
            )
        if nonce > following:
            raise UsageError(
                "nonce_used",
                f"the account's next nonce is {following}: a gap would hold up what follows; leave the nonce out, or "
                "raise it with adyton wallet nonce",
            )

    def _again(self, asked: _Asked, transaction: Transaction, before: SignedEntry) -> Signed:
        """Answer with the signature that was made of the same transaction."""
        if asked.client not in (before.entry.client, asked.wallet.owner):
            raise UsageError("nonce_used", "the nonce was used by another client")
        raw = join(transaction, Signature.from_bytes(before.signature)).raw
        return Signed(
            SIGNED,
            "signed before",
            "",
            asked.wallet.version,
            asked.wallet.policy_hash,
            transaction.chain_id,
            transaction.nonce,
            before.entry.digest,
            before.signature,
            raw,
            None,
            0,
        )

    def _wait(self, asked: _Asked, content: _Content, decision: Decision, missing: int) -> Signed:
        """Let a request wait for those who must approve it."""
        named = None if asked.approved is None else asked.approved.proposal
        if named is None and decision.approvals is not None:
            wanted = asked.sign.encode()
            named = propose(
                self._book, asked.call, asked.wallet, wanted, decision.approvals
            ).proposal
        told = self._told(asked, content, decision, PENDING)
        return replace(told, proposal=named, missing=missing)

    def _sign(
        self,
        asked: _Asked,
        content: _Content,
        decision: Decision,
        before: SignedEntry | None,
        counts: Counts,
    ) -> Signed:
        wallet = asked.wallet.wallet
        account, encoded = content.intent.account, content.encoded
        counts.require_room(decision.charges)
        place, secret = self._book.place_of(account), self._book.secret(wallet)
        with self._vault().key(wallet, secret, place) as key:
            if key.address != account:
                raise InvariantError("invariant", "another key than the account's")
            signature = sign(content.digest, key.secret, key.public)
        raw = b"" if encoded is None else encoded.raw(signature)
        # From here on nothing fails: what is written is what is signed.
        counts.write(decision.charges)
        charges = b"" if encoded is None else _charges(decision, before)
        return self._told(asked, content, decision, SIGNED, signature.to_bytes(), raw, charges)

    def _told(
        self,
        asked: _Asked,
        content: _Content,
        decision: Decision,
        status: str,
        signature: bytes = b"",
        raw: bytes = b"",
        charges: bytes = b"",
    ) -> Signed:
        """Return the answer, after its audit entry is written: of a transaction that is signed, with its nonce.

        A refusal is audited with what would have been signed; its answer names no digest and no nonce.
        """
        wallet, transaction = asked.wallet, content.intent.transaction
        taken = transaction if status == SIGNED else None
        told = Signed(
            status=status,
            reason=decision.reason[:1024],
            rule=decision.rule,
            version=wallet.version,
            policy_hash=wallet.policy_hash,
            chain_id=_chain(content.intent),
            nonce=None if taken is None else taken.nonce,
            digest=content.digest if status == SIGNED else _NOTHING,
            signature=signature,
            raw=raw,
            proposal=None,
            missing=0,
        )
        proposal = None if asked.approved is None else asked.approved.proposal
        subject = subject_of(content.intent, content.digest, proposal)
        entry = audit_entry(self._book, asked.call, wallet, asked.sign.method, told, subject)
        if taken is None:
            self._book.write_audit(wallet.wallet, entry)
        else:
            max_fee, tip = amount(taken.max_fee), amount(_tip(taken))
            signed = SignedEntry(entry, signature, max_fee, tip, charges)
            self._book.write_signed(wallet.wallet, signed)
        return told


def _content(intent: Intent) -> _Content:
    if intent.transaction is not None:
        encoded = Encoded(intent.transaction)
        return _Content(intent, encoded, encoded.signing_hash)
    if intent.typed is not None:
        return _Content(intent, None, intent.typed.digest)
    return _Content(intent, None, personal_hash(intent.message or b""))


def _charges(decision: Decision, before: SignedEntry | None) -> bytes:
    """Return what a nonce holds of each limit from now on, packed."""
    credit = NO_CREDIT if before is None else unpack_charges(before.charges)
    # What an earlier one holds of other limits stays charged there, and is no credit any more.
    return pack_charges(
        {
            charge.meter.key: min(credit.get(charge.meter.key, 0) + charge.amount, WEI_MAX)
            for charge in decision.charges
        }
    )


def _chain(intent: Intent) -> int | None:
    if intent.transaction is not None:
        return intent.transaction.chain_id
    named = None if intent.typed is None else intent.typed.chain_id
    return named if named is None or named <= limits.UINT_MAX else None


def _tip(transaction: Transaction) -> int:
    return transaction.max_fee if transaction.tip is None else transaction.tip


def _require_replacement(
    asked: _Asked, intent: Intent, transaction: Transaction, before: SignedEntry
) -> None:
    """Refuse a second transaction of one nonce that is not asked for as such, or that nodes would not take.

    No rule tells a replacement from a payment, so nobody but the owner replaces what another client asked for. A
    cancel has rules of its own.

    Raises:
        UsageError: `nonce_used`.
    """
    if intent.method != CANCEL and asked.client not in (before.entry.client, asked.wallet.owner):
        raise UsageError("nonce_used", "the nonce was used by another client")
    if not asked.sign.replace and intent.method != CANCEL:
        raise UsageError(
            "nonce_used",
            "the nonce was used for another transaction; leave it out, or replace that one",
        )
    for name, held, now in (
        ("fee", before.max_fee, transaction.max_fee),
        ("tip", before.tip, _tip(transaction)),
    ):
        old = int.from_bytes(held, "big")
        least = old + -(-old * _BUMP // 100)
        if now < least:
            raise UsageError(
                "nonce_used",
                f"a replacement pays a tenth more: the {name} of one gas is at least {least} wei",
            )
