"""A signature that a wallet gave, held against what it was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from adyton.client.wallet_answers import Carried, invalid
from adyton.client.wallet_document import read_asked, require_same
from adyton.core import limits
from adyton.core.errors import Error, UsageError, VerificationError
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.messages import personal_hash
from adyton.protocol.ethereum.signature import Signature, recover
from adyton.protocol.ethereum.transaction import SignedTransaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.ethereum.typed_data import TypedData
from adyton.protocol.wallet.answers import PENDING, SIGNED, Signed
from adyton.protocol.wallet.requests import Sign


@dataclass(frozen=True)
class Signing:
    """What became of a request for a signature: given, or waiting for approvals.

    Attributes:
        carried: with its proof.
        asked: the request.
        told: the answer; its status is `signed` or `pending`.
        transaction: ready to be broadcast; None of messages, and where it is pending.
    """

    carried: Carried
    asked: Sign
    told: Signed
    transaction: SignedTransaction | None

    @property
    def pending(self) -> bytes | None:
        """The proposal that others must approve first; None where it is signed."""
        return self.told.proposal if self.told.status == PENDING else None

    @property
    def signature(self) -> bytes:
        """r, s and v (27 or 28), 65 bytes; empty where it is pending."""
        return self.told.signature

    @property
    def raw(self) -> bytes:
        """The transaction for the network; empty of messages, and where it is pending."""
        return self.told.raw


def require_signing(carried: Carried, asked: Sign) -> Signing:
    """Verify that an answer is the signature that was asked for, by the account that was asked.

    Steps:
      1. the answer is of a signature, and it is given or pending;
      2. a transaction's bytes are its one encoding, and recover to the account;
      3. each of its fields is what was asked for; only a nonce that was left open is the wallet's choice;
      4. digest, signature, chain and nonce that are told are those of the transaction;
      5. of a message or typed data, the signature recovers to the account over the digest made here.

    Raises:
        VerificationError: a step does not hold.
    """
    told = carried.expect(Signed)
    if told.status == PENDING:
        if told.signature or told.raw or told.proposal is None:
            raise invalid("it is pending, and yet signed")
        return Signing(carried, asked, told, None)
    if told.status != SIGNED or told.proposal is not None:
        raise invalid("neither signed nor pending")
    if asked.method in ("transaction", "cancel"):
        return Signing(carried, asked, told, _transaction(asked, told))
    _message(asked, told)
    return Signing(carried, asked, told, None)


def _transaction(asked: Sign, told: Signed) -> SignedTransaction:
    try:
        made = decode_signed(told.raw)
    except Error as problem:
        raise invalid(f"no signed transaction: {problem.message}") from problem
    got = made.transaction
    if made.sender != asked.account:
        raise invalid("the transaction is signed by another account")
    intent = read_asked(asked, got.nonce)
    if intent.transaction is None:
        raise invalid("a transaction was not asked for")
    try:
        require_same(intent.transaction, got)
    except UsageError as problem:
        raise invalid(f"another transaction is signed: {problem.message}") from problem
    if (told.digest, told.signature, told.chain_id, told.nonce) != (
        got.signing_hash,
        made.signature.to_bytes(),
        got.chain_id,
        got.nonce,
    ):
        raise invalid("what is told of the transaction is not what is signed")
    return made


def _message(asked: Sign, told: Signed) -> None:
    intent = read_asked(asked)
    chain_id = None
    if intent.typed is not None:
        digest, chain_id = intent.typed.digest, told_chain(intent.typed)
    else:
        digest = personal_hash(intent.message or b"")
    if (told.digest, told.chain_id, told.nonce, told.raw) != (digest, chain_id, None, b""):
        raise invalid("another message is signed than asked for")
    require_signer(digest, told.signature, asked.account)


def told_chain(typed: TypedData) -> int | None:
    """Return the chain id that is told of typed data: None where it names none, or one that no answer can carry."""
    named = typed.chain_id
    return None if named is None or named > limits.UINT_MAX else named


def require_signer(digest: bytes, unverified: bytes, account: bytes) -> None:
    """Refuse a signature (65 bytes) over a digest that another than the account has made.

    Raises:
        VerificationError: it is none, or another's.
    """
    try:
        signer = address_of(recover(digest, Signature.from_bytes(unverified)))
    except Error as problem:
        raise invalid(f"no signature: {problem.message}") from problem
    if signer != account:
        raise VerificationError("bad_signature", "the signature is another account's")
