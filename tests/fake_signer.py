"""A signer with keys of a test, that keeps nonces as the enclave does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from adyton.client.rpc.signer import SignedAnswer, Unanswered
from adyton.core.errors import UnavailableError, UsageError
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.messages import personal_hash
from adyton.protocol.ethereum.signature import public_key, sign
from adyton.protocol.ethereum.transaction import SignedTransaction, Transaction, sign_transaction
from adyton.protocol.ethereum.transaction_json import read_transaction
from adyton.protocol.ethereum.typed_data import read_typed_data

Rule = Callable[[str, bytes, object], None]


class FakeSigner:
    """Signs whatever `rule` lets through, which refuses by raising.

    Args:
        secrets: private keys, 32 bytes each.
        rule: given what is signed ("transaction", "message" or "typedData"), by whom, and it.

    Attributes:
        silent: signs, and does not answer.
    """

    def __init__(self, *secrets: bytes, rule: Rule = lambda *_: None) -> None:
        self._keys = {address_of(public_key(secret)): secret for secret in secrets}
        self.rule = rule
        self.nonces: dict[tuple[bytes, int], int] = {}
        self.signed: dict[tuple[bytes, int, int], SignedTransaction] = {}
        self.documents: list[dict[str, Any]] = []
        self.replaced: list[bool] = []
        self.silent = False
        self.unanswered: list[bytes] = []
        self._lock = threading.Lock()

    def accounts(self) -> list[bytes]:
        return list(self._keys)

    def next_nonce(self, address: bytes, chain_id: int) -> int:
        with self._lock:
            return self.nonces.get((address, chain_id), 0)

    def raise_nonce(self, address: bytes, chain_id: int, nonce: int) -> None:
        with self._lock:
            if nonce < self.nonces.get((address, chain_id), 0):
                raise UsageError("nonce_used", "a nonce is never lowered")
            self.nonces[address, chain_id] = nonce

    def sign_transaction(
        self, address: bytes, document: dict[str, Any], *, replace: bool = False, send: bool = False
    ) -> SignedAnswer:
        with self._lock:
            place = (address, int(document["chainId"], 16))
            following = self.nonces.get(place, 0)
            transaction = read_transaction({"nonce": hex(following), **document})
            self.rule("transaction", address, transaction)
            held = self.signed.get((*place, transaction.nonce))
            if held is not None and held.transaction != transaction:
                _require_replaceable(held.transaction, transaction, replace)
            elif held is None and transaction.nonce != following:
                raise UsageError("nonce_used", f"nonce {transaction.nonce} is not {following}")
            secret = self._keys[address]
            made = sign_transaction(transaction, secret, public_key(secret))
            self.documents.append(document)
            self.replaced.append(replace)
            self.signed[(*place, transaction.nonce)] = made
            self.nonces[place] = max(following, transaction.nonce + 1)
            if self.silent:
                if send:
                    self.unanswered.append(made.raw)
                raise Unanswered
            return SignedAnswer(made.raw, made.hash, transaction.nonce, transaction)

    def recover(self, chain_id: int) -> list[bytes]:
        with self._lock:
            if self.silent:
                raise UnavailableError("timeout", "the server does not answer")
            found, self.unanswered = self.unanswered, []
            return found

    def sign_message(self, address: bytes, message: bytes) -> bytes:
        self.rule("message", address, message)
        return self._signature(address, personal_hash(message))

    def sign_typed_data(self, address: bytes, typed: dict[str, Any]) -> bytes:
        self.rule("typedData", address, typed)
        return self._signature(address, read_typed_data(typed).digest)

    def _signature(self, address: bytes, digest: bytes) -> bytes:
        secret = self._keys[address]
        return sign(digest, secret, public_key(secret)).to_bytes()


def _require_replaceable(old: Transaction, new: Transaction, replace: bool) -> None:
    enough = 10 * new.max_fee >= 11 * old.max_fee and 10 * (new.tip or 0) >= 11 * (old.tip or 0)
    if not replace or not enough:
        raise UsageError("nonce_used", f"nonce {new.nonce} was used for another transaction")
