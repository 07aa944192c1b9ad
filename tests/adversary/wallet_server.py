"""A server in memory with wallets: its keys and signatures are real, and a test makes it lie about them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from adyton.client.wallet_answers import read_told
from adyton.client.wallet_document import read_asked
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import Error, UsageError
from adyton.protocol.claims import WALLET_FIELDS, claims_digest, commit
from adyton.protocol.envelope import ReadAnswer, Request, Response, SealedReadAnswer
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.hd import account_path, master
from adyton.protocol.ethereum.messages import personal_hash
from adyton.protocol.ethereum.mnemonic import phrase_of, seed_of
from adyton.protocol.ethereum.signature import public_key, sign
from adyton.protocol.ethereum.transaction import Transaction, sign_transaction
from adyton.protocol.padding import pad
from adyton.protocol.wallet import requests as protocol
from adyton.protocol.wallet.answers import (
    ANSWER_LEAST,
    Account,
    Answer,
    AuditEntry,
    AuditPage,
    Changed,
    Exported,
    NextNonce,
    Proposal,
    Proposals,
    Shown,
    Signed,
    Wallet,
    Wallets,
)
from adyton.protocol.wallet.record import claimed_values
from tests.adversary.server_simulator import Recorded, ServerSimulator, now_ms

Told = Signed | Changed | Exported


@dataclass
class Held:
    """One wallet: what is told of it, its keys, its policy."""

    known: Wallet
    keys: list[bytes]
    policy: bytes
    phrase: str = ""
    passphrase: str = ""


@dataclass
class WalletServer(ServerSimulator):
    """A simulated server with wallets that sign whatever they are asked.

    Attributes:
        told: fields of answers that are not as usual.
        answer: fields of the answer around it that are not as usual.
        claimed: values of claims that are not those of the request and its answer.
        changed: makes another transaction of the one that was asked for, before it is signed.
        approvals: how many a signature, an export or another policy needs.
        refuse: reads by method, answered with a code.
        shown: fields of what reads tell, by method.
    """

    told: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    claimed: dict[str, bytes] = field(default_factory=dict)
    changed: Callable[[Transaction], Transaction] | None = None
    approvals: int = 0
    refuse: dict[str, str] = field(default_factory=dict)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    held: dict[bytes, Held] = field(default_factory=dict)
    nonces: dict[tuple[bytes, int], int] = field(default_factory=dict)
    waiting: dict[bytes, Proposal] = field(default_factory=dict)
    audited: list[AuditEntry] = field(default_factory=list)
    by_key: dict[str, Told] = field(default_factory=dict)

    def execute(self, named: bytes, envelope: bytes) -> None:
        request, ticket = self.open(envelope, Context.HPKE_REQUEST)
        if request.app != protocol.APP:
            super().execute(named, envelope)
            return
        self.spent.add(ticket)
        header = self.ledger.next_header(
            [envelope], max(now_ms(), self.ledger.blocks[-1].header.time_ms)
        )
        exec_id = header.exec_id(0, 0)
        told: Told | None = None
        answer = Answer("", "", b"")
        try:
            told = self.carried_out(request, exec_id, header.height)
            told = replace(told, **self.told)
            answer = Answer("", "", told.encode())
        except Error as problem:
            answer = Answer(problem.code, problem.message, b"")
        answer = replace(answer, **self.answer)
        if "body" in self.answer:
            with suppress(Error):
                told = read_told(answer.body)
        values = claimed_values(request.method, request.client_key, request.arguments, answer, told)
        values |= self.claimed
        response = Response(
            "", pad(answer.encode(), least=ANSWER_LEAST), self._ticket(request.client_key), None
        )
        part = self.ledger.part(
            "request",
            task_hash=named,
            claims=claims_digest(commit(WALLET_FIELDS, values, request.result_key, exec_id)),
            sealed=response.seal(request.response_key, exec_id),
            body=None,
        )
        self.ledger.add([part], header=header)
        self.recorded[named] = Recorded(request, exec_id, (header.height, 0))

    # --- ordered requests -----------------------------------------------------------------------

    def carried_out(self, request: Request, exec_id: bytes, height: int) -> Told:
        """Do what a request asks, and return the honest answer."""
        method, arguments, client = request.method, request.arguments, request.client_key
        if method in (protocol.NEW, protocol.IMPORT):
            return self._made(request, exec_id, height)
        if method == protocol.SIGN:
            asked = protocol.Sign.decode(arguments)
            if asked.key and asked.key in self.by_key:
                return self.by_key[asked.key]
            held = self.of_account(asked.account)
            waits = self._proposed(held, method, client, exec_id, arguments)
            told = self._pending_signature(held, waits) if waits else self._signed(held, asked)
            self.by_key[asked.key] = told
            return told
        if method in (protocol.APPROVE, protocol.REJECT):
            return self._voted(method, arguments, client)
        if method == protocol.CLAIM:
            named = protocol.OfProposal.decode(arguments).proposal
            proposal = self._proposal(named)
            if len(proposal.approved) < proposal.needed:
                return self._pending_signature(self._held(proposal.wallet), named)
            del self.waiting[named]
            return self._done(proposal.method, proposal.content)
        if method in (protocol.POLICY, protocol.EXPORT):
            if method == protocol.POLICY:
                held = self._held(protocol.ChangePolicy.decode(arguments).wallet)
            else:
                held = self._held(protocol.Export.decode(arguments).wallet)
            waits = self._proposed(held, method, client, exec_id, arguments)
            if waits is None:
                return self._done(method, arguments)
            if method == protocol.EXPORT:
                return Exported("pending", "key", b"", b"", waits, self.approvals)
            return Changed("pending", held.known, waits, self.approvals, ())
        if method == protocol.ACCOUNT:
            held = self._held(protocol.AddAccount.decode(arguments).wallet)
            self._add_account(held)
            return Changed("done", held.known, None, 0, ())
        raised = protocol.RaiseNonce.decode(arguments)
        self.nonces[raised.account, raised.chain_id] = raised.nonce
        return Changed("done", self.of_account(raised.account).known, None, 0, ())

    def _made(self, request: Request, exec_id: bytes, height: int) -> Changed:
        asked: Any
        if request.method == protocol.NEW:
            asked = protocol.New.decode(request.arguments)
        else:
            asked = protocol.Import.decode(request.arguments)
        hashed = digest(Context.WALLET_POLICY, asked.policy) if asked.policy else bytes(32)
        known = Wallet(
            protocol.wallet_id(exec_id, request.client_key), request.client_key, asked.kind,
            asked.ordering, (), (), 1, hashed, height,
        )  # fmt: skip
        held = Held(known, [], asked.policy)
        if asked.kind == protocol.HD:
            held.phrase = phrase_of(os.urandom(32))
        elif asked.kind == protocol.PHRASE:
            held.phrase, held.passphrase = asked.secret.decode(), asked.passphrase.decode()
        elif asked.kind == protocol.KEY:
            held.keys.append(asked.secret)
            own = Account(address_of(public_key(asked.secret)), "")
            held.known = replace(held.known, accounts=(own,))
        self.held[known.wallet] = held
        while len(held.known.accounts) < asked.accounts:
            self._add_account(held)
        return Changed("done", held.known, None, 0, ())

    def _add_account(self, held: Held) -> None:
        at = len(held.keys)
        path = ""
        if held.phrase:
            seed = master(seed_of(held.phrase, held.passphrase))
            key, path = seed.derive(account_path(at)).secret, f"m/44'/60'/0'/0/{at}"
        else:
            key = os.urandom(32)
        held.keys.append(key)
        added = Account(address_of(public_key(key)), path)
        held.known = replace(held.known, accounts=(*held.known.accounts, added))

    def _signed(self, held: Held, asked: protocol.Sign) -> Signed:
        place = [account.address for account in held.known.accounts].index(asked.account)
        key = held.keys[place]
        public = public_key(key)
        usual = Signed(
            "signed", "", "pay", held.known.version, held.known.policy_hash, None, None,
            bytes(32), b"", b"", None, 0,
        )  # fmt: skip
        chain_id = None
        intent = read_asked(asked)
        if intent.transaction is None:
            if intent.typed is not None:
                hashed, chain_id = intent.typed.digest, intent.typed.chain_id
            else:
                hashed = personal_hash(intent.message or b"")
            made = sign(hashed, key, public)
            return replace(usual, chain_id=chain_id, digest=hashed, signature=made.to_bytes())
        chain = intent.transaction.chain_id
        following = self.nonces.get((asked.account, chain), 0)
        transaction = read_asked(asked, following).transaction
        assert transaction is not None
        if transaction.nonce < following and not asked.replace:
            raise UsageError("nonce_used", "the nonce was used for another transaction")
        self.nonces[asked.account, chain] = max(following, transaction.nonce + 1)
        if self.changed is not None:
            transaction = self.changed(transaction)
        signed = sign_transaction(transaction, key, public)
        return replace(
            usual,
            chain_id=transaction.chain_id,
            nonce=transaction.nonce,
            digest=transaction.signing_hash,
            signature=signed.signature.to_bytes(),
            raw=signed.raw,
        )

    # --- approvals ------------------------------------------------------------------------------

    def _proposed(
        self, held: Held, method: str, client: bytes, exec_id: bytes, content: bytes
    ) -> bytes | None:
        if not self.approvals:
            return None
        named = protocol.proposal_id(exec_id)
        self.waiting[named] = Proposal(
            named, held.known.wallet, method, client, content,
            protocol.proposal_digest(
                held.known.wallet, method, client, held.known.policy_hash, content
            ),
            self.approvals, (bytes(32), b"\1" * 32), (), now_ms() + 60_000,
        )  # fmt: skip
        return named

    def _pending_signature(self, held: Held, proposal: bytes) -> Signed:
        return Signed(
            "pending", "2 must approve it", "pay", held.known.version, held.known.policy_hash,
            None, None, bytes(32), b"", b"", proposal, self.approvals,
        )  # fmt: skip

    def _voted(self, method: str, arguments: bytes, client: bytes) -> Changed:
        if method == protocol.REJECT:
            proposal = self._proposal(protocol.OfProposal.decode(arguments).proposal)
            del self.waiting[proposal.proposal]
            return Changed("done", self._held(proposal.wallet).known, None, 0, ())
        asked = protocol.Approve.decode(arguments)
        proposal = self._proposal(asked.proposal)
        if asked.digest != proposal.digest:
            raise UsageError("bad_argument", "another digest")
        proposal = replace(proposal, approved=(*proposal.approved, client))
        self.waiting[proposal.proposal] = proposal
        missing = max(0, proposal.needed - len(proposal.approved))
        return Changed("done", self._held(proposal.wallet).known, proposal.proposal, missing, ())

    def _done(self, method: str, content: bytes) -> Told:
        if method == protocol.SIGN:
            asked = protocol.Sign.decode(content)
            return self._signed(self.of_account(asked.account), asked)
        if method == protocol.EXPORT:
            held = self._held(protocol.Export.decode(content).wallet)
            if held.phrase:
                words = held.phrase.encode(), held.passphrase.encode()
                return Exported("done", "phrase", *words, None, 0)
            return Exported("done", "key", b"".join(held.keys), b"", None, 0)
        change = protocol.ChangePolicy.decode(content)
        held = self._held(change.wallet)
        held.policy = change.policy
        hashed = digest(Context.WALLET_POLICY, change.policy) if change.policy else bytes(32)
        version = held.known.version + 1
        held.known = replace(held.known, version=version, policy_hash=hashed)
        return Changed("done", held.known, None, 0, ("any receiver",))

    # --- reads ----------------------------------------------------------------------------------

    def read(self, envelope: bytes) -> bytes:
        request, _ = self.open(envelope, Context.HPKE_READ)
        if request.app != protocol.APP:
            return super().read(envelope)
        code = self.refuse.get(request.method, "")
        result = b""
        if not code:
            try:
                told = self._told(request.method, request.arguments, request.client_key)
                result = replace(told, **self.shown.get(request.method, {})).encode()
            except Error as problem:
                code = problem.code
        answer = ReadAnswer(
            code,
            result,
            self._ticket(request.client_key),
            self.ledger.blocks[-1].checkpoint.encode(),
            now_ms() + 60_000,
        )
        answer = replace(answer, **self.changed_read)
        return SealedReadAnswer.seal(answer, request.response_key, os.urandom(32)).encode()

    def _told(
        self, method: str, arguments: bytes, client: bytes
    ) -> Wallets | Wallet | AuditPage | Proposals | Proposal | Shown:
        if method == protocol.LIST:
            asked = protocol.AskWallets.decode(arguments)
            behind = asked.named, asked.height, asked.wallet
            known = sorted(
                (held.known for held in self.held.values()), key=lambda one: one.place_for(client)
            )
            found = tuple(one for one in known if one.place_for(client) > behind)
            return Wallets(found[:2], len(found) > 2)
        if method == protocol.FIND:
            return self.of_account(protocol.Find.decode(arguments).account).known
        if method == protocol.PROPOSAL:
            return self._proposal(protocol.OfProposal.decode(arguments).proposal)
        if method == protocol.AUDIT:
            start = protocol.AskAudit.decode(arguments).start
            return AuditPage(len(self.audited), tuple(self.audited[start : start + 2]))
        held = self._held(protocol.OfWallet.decode(arguments).wallet)
        if method == protocol.PROPOSALS:
            waiting = tuple(one for one in self.waiting.values() if one.wallet == held.known.wallet)
            return Proposals(waiting, False)
        own = [account.address for account in held.known.accounts]
        nonces = tuple(
            NextNonce(account, chain, nonce)
            for (account, chain), nonce in self.nonces.items()
            if account in own
        )
        return Shown(held.known, held.policy, (), nonces)

    # --- what is held ---------------------------------------------------------------------------

    def _held(self, wallet: bytes) -> Held:
        if wallet not in self.held:
            raise UsageError("wallet_unknown", "there is no such wallet for this client")
        return self.held[wallet]

    def of_account(self, account: bytes) -> Held:
        """Return the wallet that has an account."""
        for held in self.held.values():
            if account in [one.address for one in held.known.accounts]:
                return held
        raise UsageError("wallet_unknown", "there is no such account for this client")

    def _proposal(self, named: bytes) -> Proposal:
        if named not in self.waiting:
            raise UsageError("not_found", "no open proposal of that name")
        return self.waiting[named]
