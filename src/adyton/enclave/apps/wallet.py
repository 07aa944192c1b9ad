"""The wallet app: makes wallets, signs what their policies allow, and keeps the record of it.

Everything about a wallet is under seal: also why a request failed, so that in public requests to wallets differ by size
classes alone. What the vault holds in memory follows from the state and changes nothing that is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from adyton.core import limits
from adyton.core.errors import Error, InvariantError, PolicyError, UnavailableError, UsageError
from adyton.enclave.apps.base import Call, Outcome
from adyton.enclave.keys import Keys
from adyton.enclave.sealing import Head
from adyton.enclave.state import Loaded, State
from adyton.enclave.wallet import approvals
from adyton.enclave.wallet.approvals import Approved
from adyton.enclave.wallet.audit import note
from adyton.enclave.wallet.book import Book
from adyton.enclave.wallet.holding import Holding
from adyton.enclave.wallet.signing import Signer
from adyton.enclave.wallet.vault import Vault
from adyton.protocol.claims import WALLET_FIELDS, claims_digest, commit
from adyton.protocol.envelope import Request
from adyton.protocol.padding import pad
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import (
    ANSWER_LEAST,
    DONE,
    PENDING,
    Answer,
    AuditPage,
    Changed,
    Exported,
    Proposals,
    Shown,
    Signed,
    Wallet,
    Wallets,
)
from adyton.protocol.wallet.record import claimed_values
from adyton.protocol.wallet.requests import (
    Approve,
    AskAudit,
    AskWallets,
    ChangePolicy,
    Export,
    Find,
    OfProposal,
    OfWallet,
    Sign,
    amount,
)

_PAGE_BYTES: Final = limits.ENTRY - 64 * limits.KIB

Told = Signed | Changed | Exported


class WalletApp:
    """Makes and serves wallets.

    Args:
        keys: of the chain.
        state: holds the wallets.
        head: gives the last executed block, for reads.
    """

    name = requests.APP

    def __init__(self, keys: Keys, state: State, head: Callable[[], Head]) -> None:
        self._book = Book(state)
        self._held_vault: Vault | None = None
        self._without_vault = ""
        try:
            # At once: from here on the wallets' secret lies in locked memory alone.
            self._held_vault = Vault(keys)
        except UnavailableError as problem:
            # Everything but wallets works.
            self._without_vault = problem.message
        self._signer = Signer(self._book, lambda: self._vault)
        self._holding = Holding(self._book, lambda: self._vault)
        self._head = head
        self._methods: dict[str, Callable[[Call], Told]] = {
            requests.NEW: self._holding.new,
            requests.IMPORT: self._holding.import_,
            requests.ACCOUNT: self._holding.account,
            requests.POLICY: self._holding.policy,
            requests.EXPORT: self._holding.export,
            requests.NONCE: self._holding.nonce,
            requests.APPROVE: self._approve,
            requests.REJECT: self._reject,
            requests.CLAIM: self._claim,
        }

    @property
    def _vault(self) -> Vault:
        if self._held_vault is None:
            raise UnavailableError("memory_unlocked", self._without_vault)
        return self._held_vault

    def visit(self, loaded: Loaded) -> None:
        """Take up a value met while the state is loaded."""
        self._book.visit(loaded)

    def close(self) -> None:
        """Wipe every key."""
        if self._held_vault is not None:
            self._held_vault.close()

    # --- in order -------------------------------------------------------------------------------

    def execute(self, call: Call) -> Outcome:
        """Carry out a request; what fails is answered under seal, and changes nothing."""
        request = call.request
        asked = Sign.decode(request.arguments) if request.method == requests.SIGN else None
        if asked is None and request.method not in self._methods:
            raise UsageError("method_unknown", "wallets have no such method")
        mark = call.state.savepoint()
        told: Told | None = None
        try:
            told = self._carry_out(call, asked)
            answer = Answer("", "", told.encode())
        except InvariantError:
            raise
        except Error as problem:
            call.state.rollback(mark)
            answer = Answer(problem.code, problem.message[:1024], b"")
        values = claimed_values(
            request.method, request.client_key, request.arguments, answer, told, asked
        )
        commitments = commit(WALLET_FIELDS, values, request.result_key, call.exec_id)
        return Outcome(pad(answer.encode(), least=ANSWER_LEAST), claims_digest(commitments))

    def _carry_out(self, call: Call, asked: Sign | None) -> Told:
        if asked is not None:
            return self._signer.sign(call, asked)
        return self._methods[call.request.method](call)

    # --- approvals ------------------------------------------------------------------------------

    def _approve(self, call: Call) -> Changed:
        asked, client = Approve.decode(call.request.arguments), call.request.client_key
        proposal, wallet = approvals.visible(self._book, asked.proposal, client, call.time_ms)
        proposal = approvals.approve(proposal, wallet, asked, client)
        self._book.write_proposal(proposal)
        missing = max(0, proposal.needed - len(proposal.approved))
        told = Changed(DONE, wallet, proposal.proposal, missing, ())
        note(self._book, call, wallet, told)
        return told

    def _reject(self, call: Call) -> Changed:
        asked, client = OfProposal.decode(call.request.arguments), call.request.client_key
        proposal, wallet = approvals.visible(self._book, asked.proposal, client, call.time_ms)
        if client not in (proposal.requester, wallet.owner, *proposal.approvers):
            raise PolicyError("payment_refused", "only who asked or may approve can reject it")
        self._book.close_proposal(proposal)
        told = Changed(DONE, wallet, proposal.proposal, 0, ())
        note(self._book, call, wallet, told)
        return told

    def _claim(self, call: Call) -> Told:
        asked, client = OfProposal.decode(call.request.arguments), call.request.client_key
        proposal, _ = approvals.visible(self._book, asked.proposal, client, call.time_ms)
        if client != proposal.requester:
            raise PolicyError("payment_refused", "only who asked for it can claim it")
        approved = Approved(proposal.proposal, proposal.requester, frozenset(proposal.approved))
        told: Told
        if proposal.method == requests.SIGN:
            told = self._signer.sign(call, Sign.decode(proposal.content), approved)
        elif proposal.method == requests.POLICY:
            told = self._holding.change(call, ChangePolicy.decode(proposal.content), approved)
        else:
            told = self._holding.let_out(call, Export.decode(proposal.content), approved)
        if told.status != PENDING:
            self._book.close_proposal(proposal)
        return told

    # --- without order --------------------------------------------------------------------------

    def read(self, request: Request) -> bytes:
        """Answer what a client may know of wallets."""
        client = request.client_key
        if request.method == requests.LIST:
            after = AskWallets.decode(request.arguments)
            place = after.named, after.height, after.wallet
            return _page(self._book.known_to(client, place)).encode()
        if request.method == requests.FIND:
            account = Find.decode(request.arguments).account
            return self._book.of_account(account, client).encode()
        if request.method == requests.AUDIT:
            asked = AskAudit.decode(request.arguments)
            wallet = self._book.wallet(asked.wallet, client)
            entries = self._book.audit(wallet.wallet, asked.start, limits.INDEX_PAGE)
            return AuditPage(self._book.audited(wallet.wallet), tuple(entries)).encode()
        if request.method == requests.SHOW:
            return self._show(self._book.wallet(_of_wallet(request), client))
        if request.method == requests.PROPOSALS:
            wallet = self._book.wallet(_of_wallet(request), client)
            now_ms = self._head().time_ms
            shown, more = self._book.proposals(wallet.wallet, now_ms, _PAGE_BYTES)
            return Proposals(tuple(shown), more).encode()
        if request.method == requests.PROPOSAL:
            named = OfProposal.decode(request.arguments).proposal
            proposal, _ = approvals.visible(self._book, named, client, self._head().time_ms)
            return proposal.encode()
        raise UsageError("method_unknown", "wallets have no such read")

    def _show(self, wallet: Wallet) -> bytes:
        policy, now_s = self._book.policy(wallet), self._head().time_ms // 1000
        meters = tuple(
            (meter, amount(window.used(now_s)))
            for meter, window in self._book.meters.windows(wallet.wallet)
        )
        nonces = tuple(self._book.nonces(wallet))
        text = b"" if policy is None else policy.text
        return Shown(wallet, text, meters, nonces).encode()


def _page(found: Iterator[Wallet]) -> Wallets:
    """Return as many of the wallets, from the first on, as one answer holds; no more is looked at but the next one."""
    kept: list[Wallet] = []
    size = 0
    for wallet in found:
        size += len(wallet.encode())
        if len(kept) == limits.INDEX_PAGE or (kept and size > _PAGE_BYTES):
            return Wallets(tuple(kept), True)
        kept.append(wallet)
    return Wallets(tuple(kept), False)


def _of_wallet(request: Request) -> bytes:
    return OfWallet.decode(request.arguments).wallet
