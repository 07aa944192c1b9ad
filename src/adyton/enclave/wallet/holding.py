"""Wallets themselves: how they are made, what may be changed of them, and how a secret leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from adyton.core import limits
from adyton.core.errors import PolicyError, UsageError
from adyton.enclave.apps.base import Call
from adyton.enclave.wallet import approvals
from adyton.enclave.wallet.approvals import Approved
from adyton.enclave.wallet.audit import note
from adyton.enclave.wallet.book import Book
from adyton.enclave.wallet.vault import Vault
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import DONE, PENDING, Account, Changed, Exported, Wallet
from adyton.protocol.wallet.policy import Approvals, Policy
from adyton.protocol.wallet.policy_reader import read_policy
from adyton.protocol.wallet.requests import (
    AddAccount,
    ChangePolicy,
    Export,
    Import,
    New,
    RaiseNonce,
    wallet_id,
)
from adyton.protocol.words import require_ordering

_NO_POLICY: Final = bytes(32)
_WORDS: Final = 24  # of a phrase that is made here


class Holding:
    """Makes and changes wallets.

    Args:
        book: of wallets.
        vault: gives the one of their keys.
    """

    def __init__(self, book: Book, vault: Callable[[], Vault]) -> None:
        self._book = book
        self._vault = vault

    def new(self, call: Call) -> Changed:
        """Make a wallet of a new secret."""
        asked = New.decode(call.request.arguments)
        wallet = wallet_id(call.exec_id, call.request.client_key)
        words = _WORDS if asked.kind == requests.HD else None
        secret = self._vault().make(wallet, call.request.request_id, asked.entropy, words=words)
        return self._install(call, wallet, asked, secret)

    def import_(self, call: Call) -> Changed:
        """Make a wallet of a secret that the client brings."""
        asked = Import.decode(call.request.arguments)
        wallet = wallet_id(call.exec_id, call.request.client_key)
        if asked.kind == requests.PHRASE:
            phrase, passphrase = _text(asked.secret), _text(asked.passphrase)
            secret = self._vault().import_mnemonic(wallet, phrase, passphrase)
        elif asked.accounts != 1 or asked.passphrase:
            raise UsageError("bad_argument", "a wallet of one key has one account, no passphrase")
        else:
            secret = self._vault().import_key(wallet, asked.secret)
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
        policy = self._read_policy(call, asked.policy, call.request.client_key)
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

    def account(self, call: Call) -> Changed:
        """Add an account to a wallet."""
        asked = AddAccount.decode(call.request.arguments)
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

    def nonce(self, call: Call) -> Changed:
        """Let an account go on from a later nonce."""
        asked = RaiseNonce.decode(call.request.arguments)
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
        address = address_of(self._vault().public_key(wallet, secret, place))
        derived = kind in (requests.HD, requests.PHRASE)
        return Account(address, f"m/44'/60'/0'/0/{place}" if derived else "")

    def _owned(self, wallet: bytes, client: bytes) -> Wallet:
        held = self._book.wallet(wallet, client)
        if held.owner != client:
            raise PolicyError("payment_refused", "this is for the wallet's owner alone")
        return held

    def _changed(self, call: Call, wallet: Wallet, policy: Policy | None) -> Changed:
        told = Changed(DONE, wallet, None, 0, () if policy is None else policy.warnings[:64])
        note(self._book, call, wallet, told)
        return told

    # --- policies and exports -------------------------------------------------------------------

    def _read_policy(self, call: Call, text: bytes, owner: bytes) -> Policy | None:
        if not text:
            return None
        policy = read_policy(text)
        _require_possible(policy, owner)
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

    def policy(self, call: Call) -> Changed:
        """Change a policy, or propose it where others must approve."""
        return self.change(call, ChangePolicy.decode(call.request.arguments), None)

    def change(self, call: Call, asked: ChangePolicy, approved: Approved | None) -> Changed:
        """Change a policy; `approved` is what others have agreed to."""
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
        policy = self._read_policy(call, asked.policy, wallet.owner)
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
                note(self._book, call, wallet, told)
                return told
        wallet = replace(
            wallet,
            clients=tuple(sorted(policy.known)),
            version=wallet.version + 1,
            policy_hash=policy.hash,
        )
        self._book.write(wallet, policy=policy)
        return self._changed(call, wallet, policy)

    def export(self, call: Call) -> Exported:
        """Let a secret out, or propose it where others must approve."""
        return self.let_out(call, Export.decode(call.request.arguments), None)

    def let_out(self, call: Call, asked: Export, approved: Approved | None) -> Exported:
        """Let a secret out; `approved` is what others have agreed to."""
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
                note(self._book, call, wallet, told)
                return told
        told = self._exported(wallet)
        note(self._book, call, wallet, told)
        return told

    def _exported(self, wallet: Wallet) -> Exported:
        wrapped = self._book.secret(wallet.wallet)
        if wallet.kind in (requests.HD, requests.PHRASE):
            held = self._vault().export(wallet.wallet, wrapped)
            phrase, passphrase = held.phrase.encode(), held.passphrase.encode()
            return Exported(DONE, requests.PHRASE, phrase, passphrase, None, 0)
        keys = [
            self._vault().export(wallet.wallet, wrapped, place).key
            for place in range(len(wallet.accounts))
        ]
        return Exported(DONE, requests.KEY, b"".join(keys), b"", None, 0)


def _require_possible(policy: Policy, owner: bytes) -> None:
    """Refuse a policy that could never be changed again, or an export that could never be approved.

    Raises:
        UsageError: `policy_invalid`.
    """
    for name, wanted in (("changes", policy.changes), ("export", policy.export)):
        # Nobody approves what they have asked for. Others than the owner ask for changes alone, each one of the set.
        if isinstance(wanted, Approvals) and len(wanted.keys - {owner}) < wanted.m:
            raise UsageError(
                "policy_invalid",
                f"{name} wants {wanted.m} approvals of {len(wanted.keys)} clients, the owner among them, and nobody "
                "approves what they have asked for: it could never be; lower m, or name one more",
            )


def _text(given: bytes) -> str:
    try:
        return given.decode()
    except UnicodeDecodeError:
        # The library's error holds the bytes.
        raise UsageError("bad_argument", "phrase and passphrase are UTF-8") from None
