"""The wallet app: makes wallets, signs what their policies allow, and keeps the record of it.

Everything about a wallet is under seal: also why a request failed, so that in public all requests to wallets look the
same. What the vault holds in memory follows from the state and changes nothing that is decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from adyton.core import limits
from adyton.core.errors import Error, InvariantError, PolicyError, UsageError
from adyton.core.schema import Message
from adyton.enclave.apps.base import Call, Outcome
from adyton.enclave.keys import Keys
from adyton.enclave.sealing import Head
from adyton.enclave.state import Loaded, State
from adyton.enclave.wallet import approvals
from adyton.enclave.wallet.approvals import Approved
from adyton.enclave.wallet.audit import audit_entry
from adyton.enclave.wallet.book import Book
from adyton.enclave.wallet.signing import Signer
from adyton.enclave.wallet.vault import Vault
from adyton.protocol.claims import WALLET_FIELDS, claims_digest, commit
from adyton.protocol.envelope import Request
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.padding import pad
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import (
    ANSWER_LEAST,
    DONE,
    PENDING,
    Account,
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
from adyton.protocol.wallet.policy import Policy
from adyton.protocol.wallet.policy_reader import read_policy
from adyton.protocol.wallet.record import claimed_values
from adyton.protocol.wallet.requests import (
    AddAccount,
    Approve,
    AskAudit,
    ChangePolicy,
    Export,
    Import,
    New,
    OfProposal,
    OfWallet,
    RaiseNonce,
    Sign,
    amount,
    wallet_id,
)
from adyton.protocol.words import require_ordering

_NO_POLICY: Final = bytes(32)
_WORDS: Final = 24  # of a phrase that is made here
_PAGE_BYTES: Final = limits.ENTRY - 64 * limits.KIB

Told = Signed | Changed | Exported
_M = TypeVar("_M", bound=Message)


class WalletApp:
    """Makes and serves wallets.

    Args:
        keys: of the chain.
        state: holds the wallets.
        head: gives the last executed block, for reads.
    """

    name = requests.APP

    def __init__(self, keys: Keys, state: State, head: Callable[[], Head]) -> None:
        self._keys = keys
        self._book = Book(state)
        self._held_vault: Vault | None = None
        self._signer = Signer(self._book, lambda: self._vault)
        self._head = head
        self._methods: dict[str, Callable[[Call], Told]] = {
            requests.NEW: self._new,
            requests.IMPORT: self._import,
            requests.ACCOUNT: self._account,
            requests.SIGN: lambda call: self._signer.sign(call, Sign.decode(_given(call))),
            requests.POLICY: self._policy,
            requests.EXPORT: self._export,
            requests.NONCE: self._nonce,
            requests.APPROVE: self._approve,
            requests.REJECT: self._reject,
            requests.CLAIM: self._claim,
        }

    @property
    def _vault(self) -> Vault:
        """The vault, made when it is first needed: where no memory can be locked, all but wallets works."""
        if self._held_vault is None:
            self._held_vault = Vault(self._keys)
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
        method = self._methods.get(call.request.method)
        if method is None:
            raise UsageError("method_unknown", "wallets have no such method")
        mark = call.state.savepoint()
        told: Told | None = None
        try:
            told = method(call)
            answer = Answer("", "", told.encode())
        except InvariantError:
            raise
        except Error as problem:
            call.state.rollback(mark)
            answer = Answer(problem.code, problem.message[:1024], b"")
        values = claimed_values(
            call.request.method, call.request.client_key, call.request.arguments, answer, told
        )
        commitments = commit(WALLET_FIELDS, values, call.request.result_key, call.exec_id)
        return Outcome(pad(answer.encode(), least=ANSWER_LEAST), claims_digest(commitments))

    # --- wallets --------------------------------------------------------------------------------

    def _new(self, call: Call) -> Changed:
        asked = New.decode(_given(call))
        wallet = wallet_id(call.exec_id, call.request.client_key)
        words = _WORDS if asked.kind == requests.HD else None
        secret = self._vault.make(wallet, call.request.request_id, asked.entropy, words=words)
        return self._install(call, wallet, asked, secret)

    def _import(self, call: Call) -> Changed:
        asked = Import.decode(_given(call))
        wallet = wallet_id(call.exec_id, call.request.client_key)
        if asked.kind == requests.PHRASE:
            phrase, passphrase = _text(asked.secret), _text(asked.passphrase)
            secret = self._vault.import_mnemonic(wallet, phrase, passphrase)
        elif asked.accounts != 1 or asked.passphrase:
            raise UsageError("bad_argument", "a wallet of one key has one account, no passphrase")
        else:
            secret = self._vault.import_key(wallet, asked.secret)
        return self._install(call, wallet, asked, secret)

    def _install(self, call: Call, wallet: bytes, asked: New | Import, secret: bytes) -> Changed:
        configuration = call.genesis.configuration
        require_ordering(configuration.ordering, asked.ordering)
        if not 1 <= asked.accounts <= limits.WALLET_ACCOUNTS:
            raise UsageError("bad_argument", f"a wallet has 1 to {limits.WALLET_ACCOUNTS} accounts")
        accounts = tuple(
            self._described(wallet, asked.kind, secret, place) for place in range(asked.accounts)
        )
        if any(self._book.has_account(account.address) for account in accounts):
            # Two wallets over one key would be two policies and two counts of its nonces.
            raise UsageError("exists", "a wallet on this chain holds this account already")
        policy = self._read_policy(call, asked.policy)
        made = Wallet(
            wallet=wallet,
            owner=call.request.client_key,
            kind=asked.kind,
            ordering=asked.ordering,
            accounts=accounts,
            clients=() if policy is None else tuple(sorted(policy.known)),
            version=1,
            policy_hash=_NO_POLICY if policy is None else policy.hash,
            height=call.height,
        )
        self._book.write(made, secret=secret, policy=policy)
        return self._changed(call, made, policy)

    def _account(self, call: Call) -> Changed:
        asked = AddAccount.decode(_given(call))
        wallet = self._owned(asked.wallet, call.request.client_key)
        place = len(wallet.accounts)
        if wallet.kind == requests.KEY or place >= limits.WALLET_ACCOUNTS:
            raise UsageError("wallet_full", "the wallet can have no further account")
        secret = self._book.secret(wallet.wallet)
        account = self._described(wallet.wallet, wallet.kind, secret, place)
        if self._book.has_account(account.address):
            raise UsageError("exists", "a wallet on this chain holds this account already")
        wallet = replace(wallet, accounts=(*wallet.accounts, account))
        self._book.write(wallet)
        return self._changed(call, wallet, None)

    def _nonce(self, call: Call) -> Changed:
        asked = RaiseNonce.decode(_given(call))
        wallet = self._book.of_account(asked.account, call.request.client_key)
        self._owned(wallet.wallet, call.request.client_key)
        following = self._book.next_nonce(asked.account, asked.chain_id)
        if asked.nonce <= following or asked.nonce >= limits.UINT_MAX:
            raise UsageError(
                "bad_argument", f"the next nonce is {following}; it can only be raised"
            )
        self._book.raise_nonce(asked.account, asked.chain_id, asked.nonce)
        return self._changed(call, wallet, None)

    def _described(self, wallet: bytes, kind: str, secret: bytes, place: int) -> Account:
        address = address_of(self._vault.public_key(wallet, secret, place))
        derived = kind in (requests.HD, requests.PHRASE)
        return Account(address, f"m/44'/60'/0'/0/{place}" if derived else "")

    def _owned(self, wallet: bytes, client: bytes) -> Wallet:
        held = self._book.wallet(wallet, client)
        if held.owner != client:
            raise PolicyError("payment_refused", "this is for the wallet's owner alone")
        return held

    def _changed(self, call: Call, wallet: Wallet, policy: Policy | None) -> Changed:
        told = Changed(DONE, wallet, None, 0, () if policy is None else policy.warnings[:64])
        self._audit(call, wallet, told)
        return told

    def _audit(self, call: Call, wallet: Wallet, told: Told | str) -> None:
        entry = audit_entry(self._book, call, wallet, call.request.method, told)
        self._book.write_audit(wallet.wallet, entry)

    # --- policies and exports -------------------------------------------------------------------

    def _read_policy(self, call: Call, text: bytes) -> Policy | None:
        if not text:
            return None
        policy = read_policy(text)
        source = call.genesis.configuration.time_source
        if policy.needs_time and policy.time is None:
            raise UsageError(
                "policy_invalid",
                'the policy counts over windows of time: say whose time is good enough, "time": "host" or "bft"',
            )
        if policy.needs_time and policy.time == "bft" and source == "host":
            raise UsageError(
                "policy_invalid",
                "the time of this chain is its host's word, who could hurry it past a window; state "
                '"time": "host" to accept that',
            )
        if len(tuple(sorted(policy.known))) > limits.WALLET_CLIENTS:
            raise UsageError("policy_invalid", f"it names over {limits.WALLET_CLIENTS} clients")
        return policy

    def _policy(self, call: Call) -> Changed:
        return self._change(call, ChangePolicy.decode(_given(call)), None)

    def _change(self, call: Call, asked: ChangePolicy, approved: Approved | None) -> Changed:
        client = call.request.client_key
        wallet = self._book.wallet(asked.wallet, client)
        held = self._book.policy(wallet)
        changes = None if held is None else held.changes
        if client != wallet.owner and (changes is None or client not in changes.keys):
            raise PolicyError("payment_refused", "the policy does not let this client change it")
        if asked.version != wallet.version:
            raise UsageError(
                "bad_argument", f"the policy has version {wallet.version} by now; look at it again"
            )
        policy = self._read_policy(call, asked.policy)
        if policy is None:
            raise UsageError("policy_invalid", "an empty policy; one without rules refuses all")
        if changes is not None:
            missing = changes.m if approved is None else approved.missing(changes)
            if missing:
                named = None if approved is None else approved.proposal
                if named is None:
                    content = asked.encode()
                    named = approvals.propose(self._book, call, wallet, content, changes).proposal
                told = Changed(PENDING, wallet, named, missing, policy.warnings[:64])
                self._audit(call, wallet, told)
                return told
        wallet = replace(
            wallet,
            clients=tuple(sorted(policy.known)),
            version=wallet.version + 1,
            policy_hash=policy.hash,
        )
        self._book.write(wallet, policy=policy)
        return self._changed(call, wallet, policy)

    def _export(self, call: Call) -> Exported:
        return self._let_out(call, Export.decode(_given(call)), None)

    def _let_out(self, call: Call, asked: Export, approved: Approved | None) -> Exported:
        wallet = self._owned(asked.wallet, call.request.client_key)
        require_ordering(call.genesis.configuration.ordering, wallet.ordering)
        policy = self._book.policy(wallet)
        allowed = None if policy is None else policy.export
        if allowed is None:
            raise PolicyError("export_refused", "the wallet's policy does not let its secret out")
        if allowed != "owner":
            missing = allowed.m if approved is None else approved.missing(allowed)
            if missing:
                named = None if approved is None else approved.proposal
                if named is None:
                    named = approvals.propose(
                        self._book, call, wallet, asked.encode(), allowed
                    ).proposal
                told = Exported(PENDING, requests.KEY, b"", b"", named, missing)
                self._audit(call, wallet, told)
                return told
        told = self._exported(wallet)
        self._audit(call, wallet, told)
        return told

    def _exported(self, wallet: Wallet) -> Exported:
        wrapped = self._book.secret(wallet.wallet)
        if wallet.kind in (requests.HD, requests.PHRASE):
            held = self._vault.export(wallet.wallet, wrapped)
            phrase, passphrase = held.phrase.encode(), held.passphrase.encode()
            return Exported(DONE, requests.PHRASE, phrase, passphrase, None, 0)
        keys = [
            self._vault.export(wallet.wallet, wrapped, place).key
            for place in range(len(wallet.accounts))
        ]
        return Exported(DONE, requests.KEY, b"".join(keys), b"", None, 0)

    # --- approvals ------------------------------------------------------------------------------

    def _approve(self, call: Call) -> Changed:
        asked, client = Approve.decode(_given(call)), call.request.client_key
        proposal, wallet = approvals.visible(self._book, asked.proposal, client, call.time_ms)
        proposal = approvals.approve(proposal, wallet, asked, client)
        self._book.write_proposal(proposal)
        missing = max(0, proposal.needed - len(proposal.approved))
        told = Changed(DONE, wallet, proposal.proposal, missing, ())
        self._audit(call, wallet, told)
        return told

    def _reject(self, call: Call) -> Changed:
        asked, client = OfProposal.decode(_given(call)), call.request.client_key
        proposal, wallet = approvals.visible(self._book, asked.proposal, client, call.time_ms)
        if client not in (proposal.requester, wallet.owner, *proposal.approvers):
            raise PolicyError("payment_refused", "only who asked or may approve can reject it")
        self._book.close_proposal(proposal)
        told = Changed(DONE, wallet, proposal.proposal, 0, ())
        self._audit(call, wallet, told)
        return told

    def _claim(self, call: Call) -> Told:
        asked, client = OfProposal.decode(_given(call)), call.request.client_key
        proposal, _ = approvals.visible(self._book, asked.proposal, client, call.time_ms)
        if client != proposal.requester:
            raise PolicyError("payment_refused", "only who asked for it can claim it")
        approved = Approved(proposal.proposal, proposal.requester, frozenset(proposal.approved))
        told: Told
        if proposal.method == requests.SIGN:
            told = self._signer.sign(call, Sign.decode(proposal.content), approved)
        elif proposal.method == requests.POLICY:
            told = self._change(call, ChangePolicy.decode(proposal.content), approved)
        else:
            told = self._let_out(call, Export.decode(proposal.content), approved)
        if told.status != PENDING:
            self._book.close_proposal(proposal)
        return told

    # --- without order --------------------------------------------------------------------------

    def read(self, request: Request) -> bytes:
        """Answer what a client may know of wallets."""
        client = request.client_key
        if request.method == requests.LIST:
            return Wallets(tuple(_fitting(self._book.known_to(client)))).encode()
        if request.method == requests.AUDIT:
            asked = AskAudit.decode(request.arguments)
            wallet = self._book.wallet(asked.wallet, client)
            entries = self._book.audit(wallet.wallet, asked.start, limits.INDEX_PAGE)
            return AuditPage(self._book.audited(wallet.wallet), tuple(entries)).encode()
        if request.method == requests.SHOW:
            return self._show(self._book.wallet(_of_wallet(request), client))
        if request.method == requests.PROPOSALS:
            wallet = self._book.wallet(_of_wallet(request), client)
            held = self._book.proposals(wallet.wallet, self._head().time_ms)
            shown = _fitting(held)
            return Proposals(tuple(shown), len(shown) < len(held)).encode()
        raise UsageError("method_unknown", "wallets have no such read")

    def _show(self, wallet: Wallet) -> bytes:
        policy, now_s = self._book.policy(wallet), self._head().time_ms // 1000
        meters = tuple(
            (meter, amount(window.used(now_s)))
            for meter, window in self._book.windows(wallet.wallet)
        )
        nonces = tuple(self._book.nonces(wallet))
        text = b"" if policy is None else policy.text
        return Shown(wallet, text, meters, nonces).encode()


def _fitting(items: list[_M]) -> list[_M]:
    """Return as many of the items, from the first on, as one answer holds."""
    kept: list[_M] = []
    size = 0
    for item in items[: limits.INDEX_PAGE]:
        size += len(item.encode())
        if kept and size > _PAGE_BYTES:
            break
        kept.append(item)
    return kept


def _given(call: Call) -> bytes:
    return call.request.arguments


def _text(given: bytes) -> str:
    try:
        return given.decode()
    except UnicodeDecodeError:
        # The library's error holds the bytes.
        raise UsageError("bad_argument", "phrase and passphrase are UTF-8") from None


def _of_wallet(request: Request) -> bytes:
    return OfWallet.decode(request.arguments).wallet
